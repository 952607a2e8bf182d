package config

// Example is the file that `loka init` writes. It is valid as it stands.
func Example() string { return example }

const example = `# Loka Stratum. Put your pool and account in, then:
#   loka check FILE      names every mistake with its line
#   loka start -c FILE   runs the proxy; point your miners at port 3333
# What is commented out shows the default. docs/CONFIG.md explains every key.
# Texts may name environment variables: password = "${POOL_PASSWORD}"

# data_dir = "data"                  # state and the admin token live here
# instance = ""                      # name of this instance; "" is a random one

[server]
listen = ["0.0.0.0:3333"]            # where miners connect
# max_connections = 100000
# first_byte_timeout = "10s"         # for a miner's first byte
# handshake_timeout = "15s"          # for a miner's first line
# authorize_timeout = "60s"          # until it has logged a worker in
# idle_timeout = "2h"                # until a silent miner is disconnected
# shutdown_timeout = "30s"

# More of one address: TLS, a difficulty of its own.
# [[listener]]
# address = "0.0.0.0:3334"
# tls = "off"                        # "optional" (plain connections too) or "required" with:
# cert = ""                          # PEM file of the certificate and its issuers; "": one that signs itself
# key = ""                           # PEM file of its key
# client_ca = ""                     # PEM file of who signs miners' certificates, for:
# client_certificates = "off"        # "optional" or "required"
# proxy_from = []                    # load balancers whose PROXY header is believed: "10.0.0.5/32"

# Who may connect, and how many.
# [access]
# mode = "off"                       # "allow": only these networks; "deny": all but those
# allow = []                         # "10.0.0.0/8"
# deny = []
# max_per_address = 0                # 0: any number
# max_per_subnet = 0
# subnet_v4 = 24                     # how large a subnet is
# subnet_v6 = 64
# max_per_worker = 0
# starts_per_second = 4000           # further new connections wait for their turn
# strangers_memory = "512MiB"        # for connections that have not logged in

[http]
listen = "127.0.0.1:9090"            # page, API, metrics and health: http://127.0.0.1:9090

[[pool]]
name = "main"
url = "stratum+tcp://pool.example.com:3333"      # your pool; stratum+ssl:// for TLS
username = "ACCOUNT"                 # the account or address that this pool pays
password = "x"
# enabled = true                     # false: nothing is connected to it
# suggest_difficulty = "auto"        # "auto", "off" or a number
# version_bits = "auto"              # "auto", "replace", "or" or "xor"
# on_payout_change = "alert"         # "failover": its miners leave when it pays others than ever, or than payout says

# A second pool takes over when the first cannot be reached.
# [[pool]]
# name = "backup"
# url = "stratum+tcp://backup.example.com:3333"
# username = "ACCOUNT"

# Without a [[route]] all miners go to all pools in the order of this file.
# [[route]]
# name = "farm"
# mode = "shared"                    # many miners on few pool connections; "dedicated" = one each
# pools = ["main", "backup"]         # failover order
# worker = "{account}.{name}"        # what the pool sees as a worker's name
# password = "x"                     # for pools that have none
# [route.match]                      # which miners; all that is given must hold
# worker = "*"
# cidr = ["10.0.0.0/8"]
# server_name = ""                   # what a miner with TLS asks for: "*.farm.example.com"
# connect = ""                       # the target of an HTTP CONNECT: "pool.example.com:3333"
# group = ""                         # group=NAME in a miner's password; pool = "" likewise

# The difficulty that a miner is given in shared mode.
# [vardiff]
# shares_per_minute = 6.0
# start = 1024.0
# min = 0.001
# max = 0.0                          # 0: bounded by the pool's only
# fixed = 0.0                        # 0: adjusted; else every miner's

# Which miners are let in; all of what is set must hold. docs/CONFIG.md has more of it.
# [logins]
# allow = []                         # globs on logins: ["farm.*"]
# password = ""                      # a secret that every miner's password begins with: "${MINERS_PASSWORD}"
# file = ""                          # lines LOGIN:HASH by ` + "`loka password LOGIN`" + `
# client_certificate = "off"         # "name": the miner's certificate must be made out to its login

# Which miners are kept out by name; globs. user_agent and address likewise.
# [patterns.worker]
# allow = []                         # empty: everybody
# deny = []

# How fast a connection is listened to, a second; nothing that a miner does comes near.
# [limits]
# submits = 300.0                    # shares, for each worker
# logins = 5.0
# others = 10.0

# Bad shares and lines raise a connection's score, good shares lower it.
# [threat]
# enabled = true
# slow = 50.0                        # from here on it is slowed down,
# refuse = 100.0                     # its shares are refused, but for blocks,
# close = 200.0                      # and it is disconnected

# Who misbehaves is kept out for a while.
# [bans]
# automatic = true
# first = "10m"                      # the first time; then twice as long each time
# longest = "168h"
# forget = "720h"                    # after that much good conduct it is the first time again
# never = []                         # networks whose addresses are not banned
# kernel = "off"                     # "nftables": banned addresses are dropped by the kernel

# From where on what a pool does is told; 0 is never. docs/CONFIG.md has them all.
# [watch]
# tip_lag = "30s"                    # it works on an old block
# credit_short = 0.05                # part of the work that it gives no credit for

# What is kept of shares, for history, exports and payouts.
# [storage]
# url = ""                           # "": SQLite in data_dir; or postgres://… for PostgreSQL
# keep_shares = "48h"                # single shares; "0s": none. Sums of hours and days stay
# keep_minutes = "720h"              # sums of a minute
# max_disk = "10GiB"                 # old single shares go early to stay below it
# archive = false                    # true: days of single shares are compressed into data_dir/archive first

# What Prometheus is told of each worker.
# [metrics]
# per_worker = false
# max_workers = 20000                # of more, those that were seen first
# top = 0                            # only so many, by hashrate; 0: all
`
