package mining

// Description says in words what a close reason or a verdict means and what
// an operator can do about it.
type Description struct {
	// Means is one sentence.
	Means string
	// Do is one sentence, or "nothing" where all is well.
	Do string
}

// Describe explains a close reason. A reason without an explanation gives the
// zero Description; there is none among [Reasons].
func Describe(r Reason) Description { return describeReason[r] }

// DescribeVerdict explains a verdict. One that is not among [Verdicts] gives
// the zero Description.
func DescribeVerdict(v Verdict) Description { return describeVerdict[v] }

//nolint:gochecknoglobals // a table
var describeReason = map[Reason]Description{
	PeerClosed:    {"The other side closed the connection in the ordinary way.", "Nothing; many in a row from one miner point at its firmware or power, from a pool at its status page."},
	PeerReset:     {"The other side reset the connection.", "Look at the network between: switches, NAT timeouts, a reboot of the other side."},
	ReadFailed:    {"Reading from the connection ended in an error.", "See the log line's error; mostly a network that went away without a word."},
	WriteFailed:   {"Writing to the connection ended in an error.", "See the log line's error; mostly a network that went away without a word."},
	SlowConsumer:  {"What had to be sent piled up past its bound in bytes or age, for the other side did not read.", "Look for a frozen miner or a lossy link; the connection was freed so that others are not delayed."},
	LineTooLong:   {"A line without an end within the limit.", "The other side does not speak Stratum, or is broken; look at what runs there."},
	NULByte:       {"A zero byte in a line, which no Stratum peer sends.", "The other side does not speak Stratum, or is broken; look at what runs there."},
	TooManyErrors: {"More malformed lines than are forgiven.", "See the log at debug level for the lines; update the firmware, or ask the pool."},
	Shutdown:      {"This process was stopping.", "Nothing; miners come back to the next process."},
	InternalError: {"A fault of loka itself.", "Report it with the log lines of the connection."},

	HandshakeTimeout:     {"No complete first line within server.handshake_timeout.", "A port scanner or health checker, or a miner on a very bad network."},
	AuthorizeTimeout:     {"No authorized worker within server.authorize_timeout.", "Check the miner's user name; a monitoring tool that only subscribes ends so, too."},
	IdleTimeout:          {"No line from the miner within server.idle_timeout.", "Look whether the miner hashes at all; a difficulty far above its hashrate has the same effect."},
	UnknownProtocol:      {"The first bytes are of no protocol that is spoken here.", "Check that the miner's URL begins with stratum+tcp:// and that nothing else uses the port."},
	HTTPRequest:          {"An HTTP request on a mining port; it was answered with a hint.", "The page and the API are on the address of http.listen."},
	ConnectMalformed:     {"An HTTP CONNECT on a mining port that cannot be read; it was answered with 400.", "A miner's HTTP proxy setting asks for CONNECT HOST:PORT or HOST:PORT/ROUTE, in 8 KiB at most."},
	ConnectForbidden:     {"An HTTP CONNECT whose target is no pool of ours, or for which no route takes the miner; it was answered with 403.", "Compare the pool's address in the miner with url of the pools and with each route.match; see the log for the target."},
	ConnectNoRoute:       {"An HTTP CONNECT that names a route which is not configured; it was answered with 404.", "Compare what follows the port in the miner's pool address with the names of the routes."},
	ConnectNoPool:        {"An HTTP CONNECT while no pool could be reached that the miner might come to; it was answered with 502, so that the miner's own failover works.", "Look at /health and the pool's close reasons."},
	TLSNotEnabled:        {"A TLS hello on a plain port.", "Use stratum+tcp:// in the miner, or a listener with TLS."},
	TLSRequired:          {"Plain Stratum on a port that takes TLS only (tls = \"required\").", "Use stratum+ssl:// in the miner, or tls = \"optional\" on the listener."},
	TLSHandshakeFailed:   {"The TLS handshake with the miner failed: it does not take our certificate, or speaks no version or cipher that we do.", "See the log at debug level for the words; a miner that checks certificates wants one that is made for the name it connects to, by an issuer that it knows."},
	MaxConnections:       {"server.max_connections was reached.", "Raise it, and the descriptor limit (ulimit -n) if the log says that it was clamped."},
	TooManyPending:       {"The miner had more requests open than one may have.", "A broken firmware, or a pool that answers nothing: see loka_pool_rtt_seconds."},
	PoolUnreachable:      {"The pool of this miner could not be reached, and the miner was closed so that its own failover works.", "Look at /health and the pool's close reasons."},
	NoRoute:              {"The miner matches no configured route, or turned out to be another route's after its pool had to be dialled.", "Compare its listener, address, user agent and worker with each route.match; a last route without a match takes everybody. Behind a pool with an extranonce2 of 3 bytes or less, tell routes apart by listener or address."},
	PoolDisconnected:     {"The pool connection that served this miner ended, and the miner was closed to start anew.", "Look at the close reasons of side upstream for why."},
	ExtranonceChanged:    {"The pool changed its extranonce, and this miner cannot follow without a new connection.", "Nothing; the miner reconnects at once."},
	TooManyAccounts:      {"The route's worker template makes an account of each user name, and as many as may have a pool connection of their own have one.", "Look whether strangers log in with made-up names; a template that begins with {account} pays one account."},
	RouteChanged:         {"A new configuration puts the miner on another route or pool, whose work it can only be given over a new connection: it has a pool's own extranonce, no worker yet, or workers of several accounts.", "Nothing; the miner reconnects at once."},
	ListenerRemoved:      {"The address that the miner came in by is not configured any more.", "Point the miner at one of the listeners that are, or put this one back and reload."},
	Disconnected:         {"An operator disconnected the miner by the API.", "Nothing; the miner reconnects at once."},
	Misbehaved:           {"The connection sent so much that is malformed, invalid, duplicate or far below its difficulty that its score reached threat.close.", "Look at what runs at that address: `/api/v1/miners` shows scores. A machine of yours that ends so has a fault; raise the thresholds of [threat], or skip it for a route, if it is another's."},
	LoginRefused:         {"As many logins of the connection were refused as logins.max_refused allows.", "Check the miner's user name and password against [logins]; a stranger ends so, too."},
	UserAgentDenied:      {"The miner calls itself what patterns.user_agent does not let in.", "Nothing, if it was meant; else mend the globs and reload."},
	AddressDenied:        {"The miner comes from an address that patterns.address does not let in.", "Nothing, if it was meant; else mend the globs and reload."},
	WorkerDenied:         {"The miner's login is one that patterns.worker does not let in.", "Nothing, if it was meant; else mend the globs and reload."},
	TLSTooOld:            {"The miner speaks TLS 1.1 or older only, which nobody should trust.", "Update its firmware, or use stratum+tcp:// within the farm's own network."},
	TLSClientCertificate: {"The miner's certificate was not signed by client_ca, is not valid now, or is not for this use; or it has to show one (client_certificates = \"required\") and did not.", "See the log at debug level for the words; give the miner a certificate that client_ca has signed, or look who else knocks at this port."},
	Banned:               {"The miner's address or its worker is banned.", "See `loka ban list` for why and until when; `loka ban remove` lifts it."},
	Paused:               {"An operator paused the miner's worker.", "Nothing; `loka worker resume` lets it in again."},

	AccessDenied:         {"The address is in a network that access.deny names, or with mode = \"allow\" in none that access.allow does.", "Where it is a miner of yours, add its network to access.allow and reload."},
	MaxPerAddress:        {"One address had as many connections as access.max_per_address allows.", "Raise it where a farm is behind that address; 0 is any number."},
	MaxPerSubnet:         {"One subnet had as many connections as access.max_per_subnet allows.", "Raise it where a farm is in that subnet; 0 is any number."},
	MaxPerWorker:         {"One login was connected as often as access.max_per_worker allows.", "Give each miner a name of its own, or raise it; 0 is any number."},
	GaveWay:              {"A connection without a worker, or for a minute without an accepted share, was ended to make room: access.strangers_memory or server.max_connections was full, or the process was out of file descriptors, and its address had most of such connections.", "Nothing where an attack is going on; after a restart of a large farm raise access.strangers_memory."},
	FirstByteTimeout:     {"Not one byte within server.first_byte_timeout.", "A port scanner or health checker, or a miner on a very bad network."},
	ProxyHeaderUntrusted: {"A PROXY protocol header from an address that proxy_from of the listener does not name.", "Where it is your load balancer, add its network to proxy_from of that listener; else somebody tried to pass for another address."},
	ProxyHeaderMalformed: {"A PROXY protocol header, of version 1 or 2, that cannot be read, or a second one.", "See the log at debug level for the words; look at the settings of the load balancer."},

	DialFailed:           {"No connection to any of the pool's addresses.", "Check the pool's url, DNS and the firewall of this machine."},
	ProxyFailed:          {"The proxy towards the pool could not be reached, or did not connect us to the pool.", "See the log line's error; check proxy and url of the pool, and that the proxy lets this machine through to it."},
	TLSFailed:            {"The TLS handshake with the pool or the check of its certificate failed.", "Check the host name and the port of url, this machine's clock and its root certificates."},
	PoolHandshakeTimeout: {"The pool did not answer mining.subscribe in time, or took the login and sent no job.", "Check that url names a Stratum V1 port of a SHA-256 pool; the pool's error in /health says what was awaited."},
	SubscribeRefused:     {"The pool refused mining.subscribe.", "Ask the pool; it may refuse this address, or proxies."},
	BadExtranonce:        {"The pool's extranonce is out of the range that is supported.", "Use another pool or port; report the sizes in the log."},
	PoolAuthorizeRefused: {"The pool refused our login.", "Check username, password and the worker template against what the pool expects."},
	Redirected:           {"The pool asked the connection that watches it to reconnect, and that was followed.", "Nothing; see loka_pool_reconnects_total for what became of such wishes."},
	PoolSilent:           {"No line from the pool for too long.", "The pool or the network froze; a new connection is made by itself."},
	MinerGone:            {"The one miner of a dedicated pool connection left.", "Nothing."},
	PoolDisabled:         {"The pool is disabled, by an operator or by the configuration.", "Nothing; `loka pool enable` or `enabled = true` takes it back into use."},
	NoMiners:             {"A shared pool connection had no miner for a while, or its miners fitted on others.", "Nothing."},
}

//nolint:gochecknoglobals // a table
var describeVerdict = map[Verdict]Description{
	Accepted:      {"The share counts.", "Nothing."},
	Stale:         {"The share's job no longer counts, mostly because a new block came meanwhile.", "Under about 0.5 % is normal; more points at latency to the pool or to the miner."},
	Duplicate:     {"The same share was handed in before.", "A firmware that repeats itself, or two miners that were given the same work by something between."},
	LowDifficulty: {"The share's hash misses its target.", "Single ones follow a change of difficulty; many mean that miner and pool do not agree on header or difficulty: version rolling, broken hardware."},
	JobNotFound:   {"The share names a job that was never given on this connection.", "A firmware that mixes up its pools; after a restart single ones are normal."},
	Invalid:       {"A field of the share is out of range, or it was refused for a reason without a name of its own.", "See the log at debug level for the pool's words."},
	Unauthorized:  {"The worker of the share may not mine here.", "Check the miner's user name, and at the pool the account's."},
	Unpaid:        {"The share was taken while no pool could be paid by it.", "Configure a second pool for the time in which the first is away."},
	Unanswered:    {"The pool did not answer the share in time; the miner was told that it is refused.", "Look at the pool's loka_pool_rtt_seconds and loka_pool_late_answers_total."},
}
