// Package httpfunding is a wallet.Funding over HTTP: a bank, or whatever stands between this installation and one.
//
// Everything between the two is a JSON object with a type and an order, signed in both directions after Standard
// Webhooks (internal/signature) with secrets that only the two sides know:
//
//	{"type":"funding.create",
//	 "order":{"id":"1234","kind":"topup","user":"alice","amount":10000,"currency":"CNY"}}
//
//	type              from → to      what it says
//	funding.create    us → bank      carry this order out, once for its id
//	funding.query     us → bank      how far is it?
//	funding.order     bank → us      the answer to both: the order with its state, pending, settled or refused
//	funding.unknown   bank → us      the answer to a query for an id that the bank has never seen
//	funding.error     bank → us      the bank cannot say; `error` tells why. So does any answer that is not signed
//	funding.decided   bank → us      the callback: the order with its state, settled or refused
//
// Requests are POSTs to one address; an answer carries the webhook-id of its request, so that none can pass for that of
// another. A signature covers neither path nor status, which is why the type decides and the status does not. Callbacks
// come to POST /v1/funding/callback. The bank repeats one, with the same webhook-id, until it is answered with 200.
//
// Only a signed final state for exactly the order that is in the ledger moves money. All else leaves it pending, to be
// asked about again with the same id: what a bank must promise is to carry out an id once, however often and however
// late it is asked to, and never to forget one.
package httpfunding
