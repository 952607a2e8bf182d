package mining

// Reason says why a connection ended. It has one spelling, used alike as log
// field, metric label and API word.
type Reason string

// Ends of either side's connections.
const (
	// PeerClosed: the other side closed in the ordinary way.
	PeerClosed Reason = "peer_closed"
	// PeerReset: the other side reset the connection.
	PeerReset Reason = "peer_reset"
	// ReadFailed: reading ended in an error that is neither of the above.
	ReadFailed Reason = "read_failed"
	// WriteFailed: writing ended in an error.
	WriteFailed Reason = "write_failed"
	// SlowConsumer: what we had to say piled up past the bound in bytes or age.
	SlowConsumer Reason = "slow_consumer"
	// LineTooLong: a line without an end within the limit.
	LineTooLong Reason = "line_too_long"
	// NULByte: a zero byte in a line.
	NULByte Reason = "nul_byte"
	// TooManyErrors: more malformed lines than the side is allowed.
	TooManyErrors Reason = "too_many_errors"
	// Shutdown: this process is stopping.
	Shutdown Reason = "shutdown"
	// InternalError: a fault of ours; the log has the details.
	InternalError Reason = "internal_error"
)

// Ends of miners' connections.
const (
	// HandshakeTimeout: no complete first line in time.
	HandshakeTimeout Reason = "handshake_timeout"
	// AuthorizeTimeout: no authorized worker in time.
	AuthorizeTimeout Reason = "authorize_timeout"
	// IdleTimeout: no complete line for too long.
	IdleTimeout Reason = "idle_timeout"
	// UnknownProtocol: the first bytes are of no protocol we know.
	UnknownProtocol Reason = "unknown_protocol"
	// HTTPRequest: an HTTP request on a mining port.
	HTTPRequest Reason = "http_request"
	// ConnectMalformed: an HTTP CONNECT that cannot be read.
	ConnectMalformed Reason = "connect_malformed"
	// ConnectForbidden: an HTTP CONNECT to what is no pool here, or to a pool
	// or route that does not take this miner.
	ConnectForbidden Reason = "connect_forbidden"
	// ConnectNoRoute: an HTTP CONNECT that names a route which is not there.
	ConnectNoRoute Reason = "connect_no_route"
	// ConnectNoPool: an HTTP CONNECT while no pool can be reached for it.
	ConnectNoPool Reason = "connect_no_pool"
	// TLSNotEnabled: a TLS hello on a plain listener.
	TLSNotEnabled Reason = "tls_not_enabled"
	// TLSRequired: plain Stratum on a listener that takes TLS only.
	TLSRequired Reason = "tls_required"
	// TLSHandshakeFailed: a miner's TLS handshake came to nothing.
	TLSHandshakeFailed Reason = "tls_handshake_failed"
	// TLSTooOld: a miner's TLS is older than 1.2.
	TLSTooOld Reason = "tls_too_old"
	// TLSClientCertificate: a miner's certificate does not verify, or it has to show
	// one and does not.
	TLSClientCertificate Reason = "tls_client_certificate"
	// MaxConnections: server.max_connections is reached.
	MaxConnections Reason = "max_connections"
	// AccessDenied: the address is not one of those that [access] lets in.
	AccessDenied Reason = "access_denied"
	// MaxPerAddress: access.max_per_address is reached.
	MaxPerAddress Reason = "max_per_address"
	// MaxPerSubnet: access.max_per_subnet is reached.
	MaxPerSubnet Reason = "max_per_subnet"
	// MaxPerWorker: access.max_per_worker is reached.
	MaxPerWorker Reason = "max_per_worker"
	// GaveWay: a connection without a worker had to make room for others.
	GaveWay Reason = "gave_way"
	// FirstByteTimeout: not one byte in time.
	FirstByteTimeout Reason = "first_byte_timeout"
	// ProxyHeaderUntrusted: a PROXY protocol header from an address whose headers
	// are not believed.
	ProxyHeaderUntrusted Reason = "proxy_header_untrusted"
	// ProxyHeaderMalformed: a PROXY protocol header that cannot be read.
	ProxyHeaderMalformed Reason = "proxy_header_malformed"
	// TooManyPending: more requests await an answer than one miner may have.
	TooManyPending Reason = "too_many_pending"
	// PoolUnreachable: the miner's pool cannot be reached.
	PoolUnreachable Reason = "pool_unreachable"
	// NoRoute: the miner matches no configured route.
	NoRoute Reason = "no_route"
	// PoolDisconnected: the miner's pool connection ended.
	PoolDisconnected Reason = "pool_disconnected"
	// ExtranonceChanged: the pool changed its extranonce to one that this
	// miner cannot follow.
	ExtranonceChanged Reason = "extranonce_changed"
	// TooManyAccounts: the route serves as many accounts as it may, each on a
	// pool connection of its own, and this miner is of another one.
	TooManyAccounts Reason = "too_many_accounts"
	// RouteChanged: the configuration puts the miner on another route or pool,
	// whose work it can only be given over a new connection.
	RouteChanged Reason = "route_changed"
	// ListenerRemoved: the address that the miner came in by is not configured
	// any more.
	ListenerRemoved Reason = "listener_removed"
	// Disconnected: an operator disconnected the miner.
	Disconnected Reason = "disconnected"
	// Misbehaved: what the miner sent was bad for too long; see [threat].
	Misbehaved Reason = "misbehaved"
	// LoginRefused: too many logins of the connection were refused.
	LoginRefused Reason = "login_refused"
	// UserAgentDenied, AddressDenied and WorkerDenied: [patterns] keep such
	// miners out.
	UserAgentDenied Reason = "user_agent_denied"
	AddressDenied   Reason = "address_denied"
	WorkerDenied    Reason = "worker_denied"
	// Banned: the address or the worker is banned.
	Banned Reason = "banned"
	// Paused: an operator paused the worker or the address.
	Paused Reason = "paused"
)

// Ends of pools' connections.
const (
	// DialFailed: no connection to any of the pool's addresses.
	DialFailed Reason = "dial_failed"
	// ProxyFailed: the proxy towards the pool could not be reached, or did not
	// connect us.
	ProxyFailed Reason = "proxy_failed"
	// TLSFailed: the TLS handshake or the certificate check failed.
	TLSFailed Reason = "tls_failed"
	// PoolHandshakeTimeout: no subscribe reply in time, or no job after it.
	PoolHandshakeTimeout Reason = "pool_handshake_timeout"
	// SubscribeRefused: the pool refused mining.subscribe.
	SubscribeRefused Reason = "subscribe_refused"
	// BadExtranonce: the pool's extranonce is out of the range we take.
	BadExtranonce Reason = "bad_extranonce"
	// PoolAuthorizeRefused: the pool refused our own login.
	PoolAuthorizeRefused Reason = "pool_authorize_refused"
	// Redirected: the pool asked its probe to reconnect, and that was followed.
	Redirected Reason = "redirected"
	// PoolSilent: no line from the pool for too long.
	PoolSilent Reason = "pool_silent"
	// MinerGone: the one miner of a dedicated link left.
	MinerGone Reason = "miner_gone"
	// NoMiners: a shared link had no miner for a while, or its miners work on
	// other links now.
	NoMiners Reason = "no_miners"
	// PoolDisabled: an operator or the configuration disabled the pool.
	PoolDisabled Reason = "pool_disabled"
)

// Side tells the two kinds of connection apart.
type Side string

// The two sides, as metric labels.
const (
	Downstream Side = "downstream"
	Upstream   Side = "upstream"
)

// Reasons lists every reason that a connection of the side can end with, in
// the order of its metric series.
func Reasons(side Side) []Reason {
	both := []Reason{
		PeerClosed, PeerReset, ReadFailed, WriteFailed, SlowConsumer,
		LineTooLong, NULByte, TooManyErrors, Shutdown, InternalError,
	}
	if side == Upstream {
		return append(both, DialFailed, ProxyFailed, TLSFailed, PoolHandshakeTimeout, SubscribeRefused,
			BadExtranonce, PoolAuthorizeRefused, Redirected, PoolSilent, MinerGone, NoMiners, PoolDisabled)
	}
	return append(both, HandshakeTimeout, AuthorizeTimeout, IdleTimeout, UnknownProtocol,
		HTTPRequest, ConnectMalformed, ConnectForbidden, ConnectNoRoute, ConnectNoPool,
		TLSNotEnabled, TLSRequired, TLSHandshakeFailed, TLSTooOld, TLSClientCertificate, MaxConnections,
		AccessDenied, Banned, Paused, MaxPerAddress, MaxPerSubnet, MaxPerWorker, GaveWay,
		FirstByteTimeout, ProxyHeaderUntrusted, ProxyHeaderMalformed,
		TooManyPending, PoolUnreachable,
		NoRoute, PoolDisconnected, ExtranonceChanged, TooManyAccounts, RouteChanged, ListenerRemoved, Disconnected,
		Misbehaved, LoginRefused, UserAgentDenied, AddressDenied, WorkerDenied)
}
