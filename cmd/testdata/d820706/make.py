#!/usr/bin/env python3
"""Makes the dump of this folder: make.py HONGBAO OUT, with the binary of the commit that the folder is named after.

It starts a Redis, a MariaDB and the processes of an installation, drives them over HTTP into every state, kills the
processes while work is in flight, and writes what the two servers hold and what the gateway answered.
"""
import base64, json, os, signal, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request

HONGBAO, OUT = sys.argv[1], sys.argv[2]
DIR = tempfile.mkdtemp(prefix="hongbao-dump-")
MYSQL, REDIS = DIR + "/mysql.sock", DIR + "/redis.sock"
SERVERS = ["--redis", "unix://" + REDIS, "--mysql", f"root@unix({MYSQL})/"]
LONG = ["--expiry", "438000h"]
SHORT = ["--expiry", "1500ms", "--transfer-expiry", "1500ms", "--transfer-hour", "10ms", "--reminder-after", "1500ms"]
USERS = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"]
children = []


def start(*argv):
    p = subprocess.Popen(argv, stdout=open(DIR + "/log", "ab"), stderr=subprocess.STDOUT)
    children.append(p)
    return p


def end(p, sig=signal.SIGTERM):
    p.send_signal(sig)
    p.wait()
    children.remove(p)


def until(what, condition, seconds=60):
    deadline = time.time() + seconds
    while not condition():
        if time.time() > deadline:
            raise SystemExit("waited in vain until " + what)
        time.sleep(0.05)


class SQL:
    """A connection to MariaDB that keeps its locks until it is closed."""

    def __init__(self):
        self.p = subprocess.Popen(["mariadb", "--no-defaults", "-uroot", "-S", MYSQL, "-N", "-n"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)

    def run(self, statement):
        self.p.stdin.write(statement + ";\nSELECT '#end';\n")
        self.p.stdin.flush()
        lines = []
        while (line := self.p.stdout.readline()) != "#end\n":
            if not line:
                raise SystemExit("MariaDB refused: " + statement)
            lines.append(line.rstrip("\n"))
        return lines

    def close(self):
        self.p.stdin.close()
        self.p.wait()


def count(query):
    s = SQL()
    n = sum(int(line) for shard in range(4) for line in s.run(query.replace("@", f"hongbao_s000{shard}.")))
    s.close()
    return n


def redis(*args):
    if not hasattr(redis, "file"):
        c = socket.socket(socket.AF_UNIX)
        c.connect(REDIS)
        redis.file = c.makefile("rwb")
    f = redis.file
    args = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    f.write(b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args))
    f.flush()

    def reply():
        line = f.readline()[:-2]
        if line[:1] == b"$":
            n = int(line[1:])
            return None if n < 0 else f.read(n + 2)[:n]
        if line[:1] == b"*":
            return [reply() for _ in range(int(line[1:]))]
        return int(line[1:]) if line[:1] == b":" else line
    return reply()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    """An rpc and a gateway, which differ from other nodes in the flags that say how long things take."""

    def __init__(self, number, flags):
        self.rpc_port, self.port = free_port(), free_port()
        self.number, self.flags = number, flags
        self.start_rpc()
        start(HONGBAO, "gateway", *SERVERS, "--token-key", DIR + "/public.pem", "--http", f"127.0.0.1:{self.port}",
              "--rpc", f"127.0.0.1:{self.rpc_port}", *flags)
        until("the gateway is ready", lambda: self.call("GET", "/readyz", None)[0] == 200)

    def start_rpc(self):
        self.rpc = start(HONGBAO, "rpc", *SERVERS, "--token-key", DIR + "/public.pem", "--node", str(self.number),
                         "--rpc", f"127.0.0.1:{self.rpc_port}", *self.flags)
        until("rpc listens", lambda: socket.socket().connect_ex(("127.0.0.1", self.rpc_port)) == 0)

    def call(self, method, path, user, body=None):
        headers = {"Content-Type": "application/json"}
        if user:
            headers["Authorization"] = "Bearer " + token(user)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text[:1] == b"{" else text
        except urllib.error.HTTPError as e:
            return e.code, e.read()
        except OSError as e:
            return 0, e

    def must(self, method, path, user, body=None):
        status, answer = self.call(method, path, user, body)
        if status != 200:
            raise SystemExit(f"{method} {path} of {user}: {status} {answer}")
        return answer


tokens = {}


def token(user):
    if user not in tokens:
        scope = {"chat": "service", "ops": "operator"}.get(user, "user")
        tokens[user] = subprocess.check_output([HONGBAO, "token", user, "--scope", scope, "--key", DIR + "/token.key",
                                                "--life", "24h"], text=True).strip()
    return tokens[user]


requests = []  # (user, path, body): what is safe to repeat


def order(node, path, user, body):
    body = {"request_id": f"r-{len(requests)}", **body}
    requests.append((user, path, body))
    return node.must("POST", path, user, body)


names = {}  # what a record is an example of → its id


def send(node, name, user, total, n, kind="lucky", currency="CNY", **more):
    e = order(node, "/v1/envelopes", user, {"group_id": "g", "kind": kind, "total": total, "count": n,
                                           "currency": currency, "greeting": name, **more})
    names["envelope " + name] = e["id"]
    return e["id"]


def grab(node, envelope, *users):
    for user in users:
        answer = node.must("POST", f"/v1/envelopes/{envelope}/grab", user, {})
        assert answer["outcome"] == "won", answer


def offer(node, name, sender, to, amount=100, arrives="now"):
    t = order(node, "/v1/transfers", sender, {"to": to, "amount": amount, "currency": "CNY", "note": name,
                                              "arrives_in": arrives})
    names["transfer " + name] = t["id"]
    return t["id"]


def decide(node, transfer, user, what):
    node.must("POST", f"/v1/transfers/{transfer}/{what}", user, {})


def collect(node, name, collector, participants, total, **more):
    c = order(node, "/v1/collections", collector, {"group_id": "g", "kind": "even", "currency": "CNY", "note": name,
                                                   "total": total, "participants": participants, **more})
    names["collection " + name] = c["id"]
    return c["id"]


def pay(node, collection, user, amount):
    return node.call("POST", f"/v1/collections/{collection}/pay", user, {"amount": amount, "currency": "CNY"})


def paid(node, collection, *users, amount=100):
    for user in users:
        status, answer = pay(node, collection, user, amount)
        assert status == 200, answer


def shard_of(user):
    s = SQL()
    at = [n for n in range(4) if s.run(f"SELECT 1 FROM hongbao_s000{n}.accounts WHERE account = '{user}' LIMIT 1")]
    s.close()
    return at[0]


def interrupted(node, collection, payer, held):
    """Lets node die while payer pays: after the claim, or with held after the payment and before its record."""
    import threading
    home, payers = int(collection) % 1024, shard_of(payer)
    assert home != payers, f"{payer} is on shard {home}, as the collection is"
    block, row = SQL(), SQL()
    block.run(f"LOCK TABLES hongbao_s000{payers}.holds WRITE")
    t = threading.Thread(target=lambda: pay(node, collection, payer, 100))
    t.start()
    claimed = f"SELECT COUNT(*) FROM hongbao_s000{home}.collection_parts WHERE collection = {collection} AND " \
              f"member = '{payer}' AND state = 'claimed'"
    until("the part is claimed", lambda: row.run(claimed) == ["1"], 5)
    if held:
        row.run("BEGIN")
        row.run(f"SELECT id FROM hongbao_s000{home}.collections WHERE id = {collection} FOR UPDATE")
        block.run("UNLOCK TABLES")
        look = SQL()
        until("the payment is there", lambda: look.run(
            f"SELECT COUNT(*) FROM hongbao_s000{payers}.holds WHERE subject = 'collection' AND owner = '{payer}' AND "
            f"detail LIKE '%\"collection\":{collection},%'") == ["1"], 5)
        look.close()
    end(node.rpc, signal.SIGKILL)
    row.close()
    block.close()
    t.join()
    node.start_rpc()
    until("the node is back", lambda: node.call("GET", "/v1/wallet", payer)[0] == 200)


def work():
    return start(HONGBAO, "work", *SERVERS, "--node", "9", *LONG)


def with_a_worker(long, short):
    worker = work()
    for user in USERS:
        order(long, "/v1/wallet/topups", user, {"amount": 1_000_000, "currency": "CNY"})
    order(long, "/v1/wallet/topups", "alice", {"amount": 5_000, "currency": "JPY"})
    order(long, "/v1/wallet/withdrawals", "heidi", {"amount": 1_000, "currency": "CNY"})

    e = send(long, "partly taken", "alice", 1000, 5)
    grab(long, e, "bob", "carol")
    grab(long, send(long, "drained", "bob", 300, 3), "alice", "carol", "dave")
    grab(long, send(long, "drained in yen", "alice", 3, 3, "equal", "JPY"), "bob", "carol", "dave")
    grab(long, send(long, "exclusive and taken", "carol", 77, 1, "exclusive", to="erin"), "erin")
    grab(short, send(short, "expired and refunded in part", "dave", 500, 4), "alice")
    send(short, "expired and refunded in full", "erin", 400, 4, "equal")

    offer(long, "offered", "alice", "bob")
    decide(long, offer(long, "accepted for tomorrow", "bob", "carol", arrives="24h"), "carol", "accept")
    decide(long, offer(long, "arrived", "carol", "alice"), "alice", "accept")
    decide(short, offer(short, "arrived later", "carol", "dave", arrives="2h"), "dave", "accept")
    decide(long, offer(long, "declined", "dave", "erin"), "erin", "decline")
    decide(long, offer(long, "recalled", "erin", "frank"), "erin", "recall")
    t = offer(long, "recalled after acceptance", "frank", "grace", arrives="24h")
    decide(long, t, "grace", "accept")
    decide(long, t, "frank", "recall")
    offer(short, "expired", "grace", "alice")

    paid(long, collect(long, "complete", "alice", ["alice", "bob", "carol"], 300), "bob", "carol")
    c = collect(long, "closed", "bob", ["alice", "carol"], 200)
    paid(long, c, "alice")
    long.must("POST", f"/v1/collections/{c}/close", "bob", {})
    c = collect(short, "reminded", "carol", ["alice", "bob"], 200)
    paid(short, c, "bob")
    c = order(long, "/v1/collections", "dave", {
        "group_id": "g", "kind": "per_person", "currency": "CNY", "note": "asks",
        "asks": [{"user_id": "alice", "amount": 11}, {"user_id": "bob", "amount": 22}]})["id"]
    names["collection per person"] = c
    paid(long, c, "alice", amount=11)
    payer = next(u for u in USERS if shard_of(u) != int(c) % 1024 and u != "dave")
    c = collect(long, "claim given up", "dave", [payer], 100)
    interrupted(long, c, payer, held=False)
    until("the claim is given up",
          lambda: long.must("GET", f"/v1/collections/{c}", "dave")["parts"][0]["state"] == "due")
    until("all has been done", lambda: count("SELECT COUNT(*) FROM @outbox") == 0
          and count("SELECT COUNT(*) FROM @notices") == 0
          and count("SELECT COUNT(*) FROM @holds WHERE is_open = 1 AND subject = 'envelope'") == 1
          and count("SELECT COUNT(*) FROM @collections WHERE reminded = 1") == 1)

    # A settler goes on while no shard takes in credits.
    block = SQL()
    block.run("LOCK TABLES " + ", ".join(f"hongbao_s000{n}.inbox WRITE" for n in range(4)))
    e = send(long, "drained, credits on their way", "frank", 400, 4)
    grab(long, e, "alice", "bob", "carol", "dave")
    until("it is posted", lambda: count(f"SELECT COUNT(*) FROM @posts WHERE hold = {e}") == 4, 30)
    end(worker, signal.SIGKILL)
    block.close()


def without_a_worker(long, short):
    grab(long, names["envelope partly taken"], "dave", "erin")
    send(long, "untouched", "alice", 800, 4, "equal")
    send(long, "exclusive and open", "bob", 55, 1, "exclusive", to="grace")
    grab(long, send(long, "drained and not settled", "carol", 200, 2), "alice", "bob")
    grab(short, send(short, "expired and not refunded", "dave", 600, 3), "bob", "heidi")
    send(short, "expired and untouched", "erin", 700, 2)

    offer(long, "offered a moment ago", "bob", "alice")
    decide(long, offer(long, "accepted a moment ago", "carol", "bob", arrives="2h"), "bob", "accept")
    decide(long, offer(long, "arrived, credit on its way", "heidi", "frank", 4321), "frank", "accept")
    decide(long, offer(long, "declined a moment ago", "grace", "heidi"), "heidi", "decline")
    offer(short, "past its time", "frank", "erin")
    decide(short, offer(short, "due", "erin", "dave", arrives="2h"), "dave", "accept")

    c = collect(short, "to be reminded", "grace", ["alice", "bob", "grace"], 300)
    paid(short, c, "bob")
    for name, held in ("claimed", False), ("claimed and paid, not recorded", True):
        c = collect(long, name, "heidi", ["alice", "bob", "carol", "dave", "erin"], 500)
        payer = next(u for u in ["bob", "carol", "dave", "erin", "alice"] if shard_of(u) != int(c) % 1024)
        paid(long, c, next(u for u in ["frank", "alice", "bob", "carol"] if u != payer and u != "frank"))
        names[f"payer {name}"] = payer
        interrupted(long, c, payer, held)
    time.sleep(2)  # what is short is over


def questions():
    for user in USERS:
        yield user, "/v1/wallet"
        for currency in "CNY", "JPY":
            yield user, f"/v1/wallet/entries?currency={currency}&limit=200"
        for path, directions in {"envelopes": ("sent", "received"), "transfers": ("sent", "received"),
                                 "collections": ("opened", "asked")}.items():
            for direction in directions:
                yield user, f"/v1/me/{path}?direction={direction}&limit=100"
        yield user, "/v1/me/groups"
    yield "alice", "/v1/groups/g/members"
    yield "alice", "/v1/groups/g/collections?limit=100"
    for name, i in names.items():
        kind = name.split()[0]
        if kind in ("envelope", "collection"):
            yield "alice", f"/v1/{kind}s/{i}"
        elif kind == "transfer":
            yield from ((user, f"/v1/transfers/{i}") for user in USERS)


def answers(node):
    for user, path in questions():
        status, answer = node.call("GET", path, user)
        if status == 200:
            yield {"user": user, "method": "GET", "path": path, "answer": answer}
    for user, path, body in requests:
        answer = node.must("POST", path, user, body)
        yield {"user": user, "method": "POST", "path": path, "body": body, "answer": answer}


def dump_mysql():
    for shard in range(4):
        sql = subprocess.check_output(
            ["mariadb-dump", "--no-defaults", "-uroot", "-S", MYSQL, "--skip-comments", "--skip-dump-date",
             "--hex-blob", "--skip-add-locks", "--skip-add-drop-table", "--order-by-primary",
             f"hongbao_s000{shard}"], text=True)
        with open(f"{OUT}/shard{shard}.sql", "w") as f:
            f.writelines(line + "\n" for line in sql.splitlines() if line and not line.startswith(("/*", "/*M!")))


def dump_redis():
    with open(f"{OUT}/redis.jsonl", "w") as f:
        for key in sorted(redis("KEYS", "*")):
            if key.startswith(b"hongbao:workers"):
                continue  # who is alive
            f.write(json.dumps({"key": key.decode(), "ttl_ms": max(redis("PTTL", key), 0),
                                "dump": base64.b64encode(redis("DUMP", key)).decode()}) + "\n")


def main():
    subprocess.check_output(["mariadb-install-db", "--no-defaults", f"--datadir={DIR}/mysql", "--skip-test-db",
                             "--auth-root-authentication-method=normal", "--user=root"], stderr=subprocess.STDOUT)
    start("mariadbd", "--no-defaults", f"--datadir={DIR}/mysql", f"--socket={MYSQL}", "--skip-networking",
          "--user=root", "--character-set-server=utf8mb4", "--transaction-isolation=READ-COMMITTED",
          f"--pid-file={DIR}/pid")
    start("redis-server", "--port", "0", "--unixsocket", REDIS, "--dir", DIR, "--appendonly", "yes", "--appendfsync",
          "always", "--save", "")
    until("both serve", lambda: os.path.exists(MYSQL) and os.path.exists(REDIS))
    subprocess.check_call(["openssl", "genpkey", "-algorithm", "ed25519", "-out", DIR + "/token.key"])
    public = subprocess.check_output([HONGBAO, "token", "x", "--public", "--key", DIR + "/token.key"])
    open(DIR + "/public.pem", "wb").write(public)
    subprocess.check_call([HONGBAO, "migrate", *SERVERS])
    long, short = Node(0, LONG), Node(1, SHORT)
    long.must("POST", "/v1/groups", "chat", {"group_id": "g", "members": USERS})
    with_a_worker(long, short)
    without_a_worker(long, short)
    asked = list(answers(long))
    audit = long.must("GET", "/v1/operator/audit", "ops")
    assert audit["balanced"], audit
    for p in list(children):
        if p.args[0] == HONGBAO:
            end(p)
    now = int(time.time() * 1000)
    dump_mysql()
    dump_redis()
    head = {"at": now, "names": names, "in_flight": audit["in_flight"]}
    with open(OUT + "/answers.jsonl", "w") as f:
        f.writelines(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n" for line in [head, *asked])


try:
    main()
finally:
    for child in reversed(list(children)):
        end(child)
