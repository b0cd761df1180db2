package auth

import (
	"net/http"
	"strings"
)

// VerifyRequest finds the bearer token of a request, and who it names. Refusal: unauthenticated.
func (v *Verifier) VerifyRequest(r *http.Request) (token string, c Caller, err error) {
	if token, err = Bearer(r); err != nil {
		return "", Caller{}, err
	}
	c, err = v.Verify(token)
	return token, c, err
}

// Bearer is the token of a request. Refusal: unauthenticated.
func Bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", unauthenticated(sentenceMissing)
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " ,") {
		return "", unauthenticated("the Authorization header is malformed: send one, as `Authorization: Bearer TOKEN`")
	}
	if len(token) > MaxTokenBytes {
		return "", unauthenticated(sentenceTooLong)
	}
	return token, nil
}
