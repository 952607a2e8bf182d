package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problemsOf loads a file that must be refused.
func problemsOf(t *testing.T, text string, opts Options) Problems {
	t.Helper()
	c, problems := Load([]byte(text), "f", opts)
	if len(problems) == 0 || c != nil {
		t.Fatalf("want problems and no Config, got %v and %v", problems, c)
	}
	return problems
}

func TestProblems(t *testing.T) {
	t.Parallel()
	// A file of one broken thing each; %s stands for the minimal file.
	tests := map[string]struct{ file, want string }{
		"unknown table":        {"%s[sever]\nlisten = 5\nidel_timeout = \"1s\"", "f:5:2: sever: unknown key \"sever\", did you mean \"server\"?\nf:6:10: sever.listen: want a list of texts such as [\"…\", \"…\"], got the integer 5\nf:7:1: sever.idel_timeout: unknown key \"idel_timeout\", did you mean \"idle_timeout\"?"},
		"unknown key":          {"%s[http]\naddress = 1", `f:6:1: http.address: unknown key "address"; known in http: listen, rate_limit, rate_burst`},
		"unknown at top":       {"zzz = 1\n%s", `f:1:1: zzz: unknown key "zzz"; known at the top of the file: data_dir, instance, server, listener, access, http, pool, route, vardiff, logins, patterns, limits, threat, bans, watch, storage, metrics, alerts, telemetry, flight_recorder`},
		"unknown in pool":      {"%susrname = \"a\"", `f:5:1: pool[0].usrname: unknown key "usrname", did you mean "username"?`},
		"unknown quoted":       {"%s\"a.b\" = 1", `f:5:1: pool[0]."a.b": unknown key "a.b"; known in pool[0]: name, url, username, password, worker, enabled, suggest_difficulty, version_bits, refusal_streak, ca, fingerprints, proxy, reconnect, reconnect_hosts, payout, pool_tag, on_payout_change`},
		"typo for required":    {"[[pool]]\nulr = \"a:1\"\nusername = \"u\"", `f:2:1: pool[0].ulr: unknown key "ulr", did you mean "url"?`},
		"pool as a table":      {"[pool]\nurl = \"a:1\"", `f:1:2: pool: want tables such as [[pool]] (two brackets: there may be several), got a table`},
		"pool as a list":       {"pool = [5]", `f:1:9: pool[0]: want a table, got the integer 5`},
		"server as a value":    {"server = 1\n%s", `f:1:10: server: want a table such as [server], got the integer 1`},
		"match as a list":      {"%s[[route]]\nmatch = []", `f:6:1: route[0].match: want a table such as [route[].match], got a list`},
		"split as a value":     {"%s[[route]]\nsplit = 1", `f:6:9: route[0].split: want tables such as [{ … }, { … }], got the integer 1`},
		"text for integer":     {"%s[server]\nmax_connections = \"5\"", `f:6:19: server.max_connections: want an integer such as 1000, got the text "5"`},
		"fraction for integer": {"%s[server]\nmax_connections = 5.5", `f:6:19: server.max_connections: want an integer such as 1000, got the number 5.5`},
		"float for integer":    {"%s[server]\nmax_connections = 5.0", `f:6:19: server.max_connections: want an integer such as 1000, got the number 5`},
		"integer for duration": {"%s[server]\nidle_timeout = 30", `f:6:16: server.idle_timeout: want a duration such as "30s", got the integer 30`},
		"text for number":      {"%s[vardiff]\nmin = \"1\"", `f:6:7: vardiff.min: want a number such as 6.0, got the text "1"`},
		"nan":                  {"%s[vardiff]\nmin = nan", `f:6:7: vardiff.min: want a finite number, got NaN`},
		"bool for text":        {"%sworker = true", `f:5:10: pool[0].worker: want a worker template such as "{account}.{name}", got true`},
		"date for text":        {"data_dir = 2020-01-01\n%s", `f:1:12: data_dir: want a text such as "…", got a date or time`},
		"number for password":  {"%spassword = 12345", `f:5:12: pool[0].password: want a text in quotes`},
		"text for list":        {"%s[server]\nlisten = \"0.0.0.0:3333\"", `f:6:10: server.listen: want a list of texts such as ["…", "…"], got the text "0.0.0.0:3333"`},
		"item of a list":       {"%s[server]\nlisten = [\"0.0.0.0:3333\", 5]", `f:6:27: server.listen[1]: want a text such as "…", got the integer 5`},
		"bad duration":         {"%s[server]\nidle_timeout = \"2 hours\"", `f:6:16: server.idle_timeout: "2 hours" is not a duration; write it like "30s", "15m" or "2h"`},
		"negative duration":    {"%s[server]\nidle_timeout = \"-1s\"", `f:6:16: server.idle_timeout: "-1s" is out of range; write a duration above 0, such as "30s"`},
		"long duration":        {"%s[server]\nidle_timeout = \"10000h\"", `f:6:16: server.idle_timeout: "10000h" is out of range; write at most "168h"`},
		"no connections":       {"%s[server]\nmax_connections = 0", `f:6:19: server.max_connections: 0 is out of range; write a number from 1 to 10000000`},
		"bad size":             {"%s[storage]\nmax_disk = \"10\"", `f:6:12: storage.max_disk: not a size: "10"; write it like "64KiB", "500MiB" or "10GiB"`},
		"zero size":            {"%s[storage]\nmax_disk = \"0B\"", `f:6:12: storage.max_disk: "0B" is out of range; write a size of at least "64MiB", such as "10GiB"`},
		"no worker series":     {"%s[metrics]\nmax_workers = 0", `f:6:15: metrics.max_workers: 0 is out of range; write a number from 1 to 100000`},
		"negative top":         {"%s[metrics]\ntop = -1", `f:6:7: metrics.top: -1 is out of range; write a number from 1 to 100000, or 0 for all`},
		"empty data_dir":       {"data_dir = \" \"\n%s", `f:1:12: data_dir: no folder named; write data_dir = "data"`},
		"bad instance":         {"instance = \"a/b\"\n%s", `f:1:12: instance: "a/b" has characters that a name may not have; use only letters, digits, ".", "_" and "-"`},

		"no pool":         {"", `f:1:1: pool: no pool to mine at; add a [[pool]] with url and username`},
		"empty pool":      {"[[pool]]", "f:1:3: pool[0].url: no url; write it like \"stratum+tcp://pool.example.com:3333\"\nf:1:3: pool[0].username: no username; write the account or address that this pool pays, as in username = \"ACCOUNT\""},
		"no port":         {"[[pool]]\nurl = \"stratum+tcp://h\"\nusername = \"u\"", `f:2:7: pool[0].url: pool URL "stratum+tcp://h": the port is missing: write h:port; write it like "stratum+tcp://pool.example.com:3333"`},
		"port 0":          {"[[pool]]\nurl = \"h:0\"\nusername = \"u\"", `f:2:7: pool[0].url: pool URL "h:0": port "0" is not a number from 1 to 65535; write it like "stratum+tcp://pool.example.com:3333"`},
		"port too high":   {"[[pool]]\nurl = \"h:65536\"\nusername = \"u\"", `f:2:7: pool[0].url: pool URL "h:65536": port "65536" is not a number from 1 to 65535; write it like "stratum+tcp://pool.example.com:3333"`},
		"no host":         {"[[pool]]\nurl = \"stratum+tcp://:1\"\nusername = \"u\"", `f:2:7: pool[0].url: pool URL "stratum+tcp://:1": the host is missing; write it like "stratum+tcp://pool.example.com:3333"`},
		"path in url":     {"[[pool]]\nurl = \"h:1/x\"\nusername = \"u\"", `f:2:7: pool[0].url: pool URL "h:1/x": nothing may follow the port, remove "/x"; write it like "stratum+tcp://pool.example.com:3333"`},
		"web url":         {"[[pool]]\nurl = \"https://h:1\"\nusername = \"u\"", `f:2:7: pool[0].url: "https://h:1" is a web address; use the pool's stratum address: write it like "stratum+tcp://pool.example.com:3333"`},
		"unknown scheme":  {"[[pool]]\nurl = \"stratun+tcp://h:1\"\nusername = \"u\"", `f:2:7: pool[0].url: pool URL "stratun+tcp://h:1": unknown scheme "stratun+tcp"; known are stratum+tcp:// and stratum+ssl://; write it like "stratum+tcp://pool.example.com:3333"`},
		"v2 url":          {"[[pool]]\nurl = \"stratum2+tcp://h:1/key\"\nusername = \"u\"", `f:2:7: pool[0].url: "stratum2+tcp://h:1/key" is Stratum V2, which is not available in this version; use the pool's stratum+tcp:// or stratum+ssl:// address`},
		"user in url":     {"[[pool]]\nurl = \"stratum+tcp://u:hunter2@h:1\"\nusername = \"u\"", `f:2:7: pool[0].url: credentials do not belong in the url; write them as username and password`},
		"own address":     {"[[pool]]\nurl = \"localhost:3333\"\nusername = \"u\"", `f:2:7: pool[0].url: "localhost:3333" is this proxy's own address, server.listen[0]; write the pool's`},
		"own address too": {"[[pool]]\nurl = \"stratum+tcp://10.0.0.1:4/\"\nusername = \"u\"\n[[listener]]\naddress = \"10.0.0.1:4\"", `f:2:7: pool[0].url: "stratum+tcp://10.0.0.1:4/" is this proxy's own address, listener[0].address; write the pool's`},
		"spaces in user":  {"[[pool]]\nurl = \"h:1\"\nusername = \"a b\"", `f:3:12: pool[0].username: "a b" has spaces or characters that no pool takes; use visible ASCII characters only`},
		"long user":       {"[[pool]]\nurl = \"h:1\"\nusername = \"" + strings.Repeat("a", 129) + "\"", `f:3:12: pool[0].username: the username has 129 characters; at most 128 are allowed`},
		"bad password":    {"%spassword = \"hunter2\\n\"", `f:5:12: pool[0].password: the password has spaces or characters that no pool takes; use visible ASCII characters only`},
		"bad template":    {"%sworker = \"{nme}\"", `f:5:10: pool[0].worker: worker template "{nme}": unknown field {nme}; known are {account}, {login}, {user}, {worker} and {name}`},
		"same pool name":  {"%s[[pool]]\nname = \"main\"\nurl = \"b:1\"\nusername = \"u\"", `f:6:8: pool[1].name: "main" is the name of pool[0] already; give each pool a name of its own`},
		"empty pool name": {"%sname = \"\"", `f:5:8: pool[0].name: the name is empty; write a name of letters, digits, ".", "_" and "-", or leave the key out`},
		"long pool name":  {"%sname = \"" + strings.Repeat("a", 65) + "\"", `f:5:8: pool[0].name: the name has 65 characters; at most 64 are allowed`},
		"bad suggest":     {"%ssuggest_difficulty = \"aut\"", `f:5:22: pool[0].suggest_difficulty: "aut" is not "auto", "off" or a number such as 65536`},
		"zero suggest":    {"%ssuggest_difficulty = 0", `f:5:22: pool[0].suggest_difficulty: 0 is no difficulty; want a number above 0, "auto" or "off"`},
		"bad bits":        {"%sversion_bits = \"xr\"", `f:5:16: pool[0].version_bits: "xr" is not known, did you mean "or"? Known are "auto", "replace", "or", "xor"`},

		"bad listen":            {"%s[server]\nlisten = [\"3333\"]", `f:6:11: server.listen[0]: "3333" is no address to listen on; write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)`},
		"listen url":            {"%s[http]\nlisten = \"http://127.0.0.1:9090\"", `f:6:10: http.listen: "http://127.0.0.1:9090" is a URL, not an address to listen on; write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)`},
		"listen port":           {"%s[http]\nlisten = \"127.0.0.1:x\"", `f:6:10: http.listen: "127.0.0.1:x" has no port from 0 to 65535; write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)`},
		"listen host":           {"%s[http]\nlisten = \"a b:1\"", `f:6:10: http.listen: "a b:1" has no usable host; write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)`},
		"no listen":             {"%s[server]\nlisten = []", `f:6:1: server.listen: no address for miners to connect to; write listen = ["0.0.0.0:3333"]`},
		"same listen":           {"%s[server]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", `f:6:26: server.listen[1]: "127.0.0.1:1" is taken by server.listen[0] already; give each its own port`},
		"same as a listener":    {"%s[server]\nlisten = [\"127.0.0.1:1\"]\n[[listener]]\naddress = \"0.0.0.0:1\"", `f:8:11: listener[0].address: "0.0.0.0:1" is taken by server.listen[0] already; give each its own port`},
		"same as http":          {"%s[http]\nlisten = \"0.0.0.0:3333\"", `f:6:10: http.listen: "0.0.0.0:3333" is taken by server.listen[0] already; give each its own port`},
		"listener no address":   {"%s[[listener]]", `f:5:3: listener[0].address: no address; write address = "0.0.0.0:3333"`},
		"proxy_from an address": {"%s[[listener]]\naddress = \"a:1\"\nproxy_from = [\"10.0.0.1\"]", `f:7:15: listener[0].proxy_from[0]: "10.0.0.1" is an address, not a CIDR; for this one host write "10.0.0.1/32"`},
		"proxy_from no address": {"%s[[listener]]\naddress = \"a:1\"\nproxy_from = [\"x\"]", `f:7:15: listener[0].proxy_from[0]: "x" is not a CIDR; write it like "10.0.0.0/8" or "2001:db8::/32"`},
		"access mode":           {"%s[access]\nmode = \"on\"", `f:6:8: access.mode: "on" is not known; write one of "off", "allow", "deny"`},
		"allow nobody":          {"%s[access]\nmode = \"allow\"", `f:6:8: access.mode: "allow" with an empty allow refuses everybody; write allow = ["10.0.0.0/8"], with the networks of your miners`},
		"allow an address":      {"%s[access]\nallow = [\"10.0.0.1\"]", `f:6:10: access.allow[0]: "10.0.0.1" is an address, not a CIDR; for this one host write "10.0.0.1/32"`},
		"in both lists":         {"%s[access]\nallow = [\"10.0.0.0/8\"]\ndeny = [\"192.0.2.0/24\", \"10.0.0.0/8\"]", `f:7:25: access.deny[1]: "10.0.0.0/8" is in allow, too; leave it in one of them`},
		"negative cap":          {"%s[access]\nmax_per_address = -1", `f:6:19: access.max_per_address: -1 is out of range; write a number from 1 to 10000000, or 0 for any number`},
		"subnet v4":             {"%s[access]\nsubnet_v4 = 33", `f:6:13: access.subnet_v4: 33 is out of range; write the length of a prefix from 8 to 32`},
		"subnet v6":             {"%s[access]\nsubnet_v6 = 8", `f:6:13: access.subnet_v6: 8 is out of range; write the length of a prefix from 16 to 128`},
		"no starts":             {"%s[access]\nstarts_per_second = 0", `f:6:21: access.starts_per_second: 0 is out of range; write a number from 1 to 1000000`},
		"little memory":         {"%s[access]\nstrangers_memory = \"1KiB\"", `f:6:20: access.strangers_memory: "1KiB" is out of range; write a size of at least "1MiB", such as "512MiB"`},
		"first byte":            {"%s[server]\nfirst_byte_timeout = \"0s\"", `f:6:22: server.first_byte_timeout: "0s" is out of range; write a duration above 0, such as "30s"`},
		"cidr with host bits":   {"%s[[route]]\n[route.match]\ncidr = [\"10.0.0.1/8\"]", `f:7:9: route[0].match.cidr[0]: "10.0.0.1/8" has bits set beyond its length; write "10.0.0.0/8"`},

		"same route name":    {"%s[[route]]\nname = \"a\"\n[[route]]\nname = \"a\"", `f:8:8: route[1].name: "a" is the name of route[0] already; give each route a name of its own`},
		"unknown pool":       {"%s[[route]]\npools = [\"mian\"]", `f:6:10: route[0].pools[0]: no pool has the name "mian", did you mean "main"?`},
		"quite unknown pool": {"%s[[route]]\npools = [\"elsewhere\"]", `f:6:10: route[0].pools[0]: no pool has the name "elsewhere"; pools are "main"`},
		"pool twice":         {"%s[[route]]\npools = [\"main\", \"main\"]", `f:6:18: route[0].pools[1]: "main" is named twice; once is enough`},
		"no pools":           {"%s[[route]]\npools = []", `f:6:1: route[0].pools: no pool named; name at least one, or leave pools out for all in file order`},
		"extranonce2_size":   {"%s[[route]]\nextranonce2_size = 9", `f:6:20: route[0].extranonce2_size: 9 is out of range; write 1 to 8 bytes, or leave it out`},
		"no such ca":         {"%s[[pool]]\nurl = \"stratum+ssl://h:1\"\nusername = \"b\"\nca = \"nosuch.pem\"", `f:8:6: pool[1].ca: cannot be read: open nosuch.pem: no such file or directory`},
		"bad proxy":          {"%s[[pool]]\nurl = \"h:1\"\nusername = \"b\"\nproxy = \"socks4://farm:secret@p:1080\"", `f:8:9: pool[1].proxy: not a proxy's URL: unknown scheme; known are socks5://, http:// and https://`},
		"bad proxy's port":   {"%s[[pool]]\nurl = \"h:1\"\nusername = \"b\"\nproxy = \"http://farm:secret@p\"", `f:8:9: pool[1].proxy: not a proxy's URL: the port is missing: write p:port`},
		"bad reconnect":      {"%sreconnect = \"on\"", `f:5:13: pool[0].reconnect: "on" is not known; write one of "same-domain", "off"`},
		"bad host":           {"%sreconnect_hosts = [\"*.example.com\", \"tcp://a\"]", `f:5:37: pool[0].reconnect_hosts[1]: "tcp://a" is no host; write a name in lower case such as "eu.example.com", * for any text in it`},
		"any host":           {"%sreconnect_hosts = [\"*\"]", `f:5:20: pool[0].reconnect_hosts[0]: "*" lets the pool send miners anywhere, which is how they were stolen; name the domain, as in "*.example.com"`},
		"bad fingerprint":    {"%s[[pool]]\nurl = \"stratum+ssl://h:1\"\nusername = \"b\"\nfingerprints = [\"00:11\"]", `f:8:17: pool[1].fingerprints[0]: "00:11" is no SHA-256 fingerprint; write its 64 hex digits, as openssl x509 -noout -fingerprint -sha256 prints them`},
		"text for a truth":   {"%s[[pool]]\nurl = \"h:1\"\nusername = \"b\"\nenabled = \"yes\"", `f:8:11: pool[1].enabled: want true or false such as true, got the text "yes"`},
		"number for a truth": {"%s[[pool]]\nurl = \"h:1\"\nusername = \"b\"\nenabled = 1", `f:8:11: pool[1].enabled: want true or false such as true, got the integer 1`},
		"truth for a number": {"%s[[pool]]\nurl = \"h:1\"\nusername = \"b\"\nrefusal_streak = true", `f:8:18: pool[1].refusal_streak: want an integer such as 1000, got true`},
		"streak below 0":     {"%s[[pool]]\nurl = \"h:1\"\nusername = \"b\"\nrefusal_streak = -1", `f:8:18: pool[1].refusal_streak: -1 is out of range; write 1 to 1000000, or 0 for any number`},
		"no miners":          {"%s[[route]]\nmax_miners_per_connection = 0", `f:6:29: route[0].max_miners_per_connection: 0 is out of range; write a number from 1 to 65536`},
		"too many miners":    {"%s[[route]]\nmax_miners_per_connection = 65537", `f:6:29: route[0].max_miners_per_connection: 65537 is out of range; write a number from 1 to 65536`},
		"route template":     {"%s[[route]]\nworker = \"a b\"", `f:6:10: route[0].worker: "a b" has spaces or characters that no pool takes; use visible ASCII characters only`},
		"mode":               {"%s[[route]]\nmode = \"dedicate\"", `f:6:8: route[0].mode: "dedicate" is not known, did you mean "dedicated"? Known are "shared", "dedicated"`},
		"bad split":          {"%s[[route]]\nsplit = [{ pool = \"x\", pools = [\"main\"], weight = -1 }]", "f:6:10: route[0].split[0]: a part of a split names either pool = \"…\" or pools = [\"…\", \"…\"]"},
		"negative weight":    {"%s[[route]]\nsplit = [{ pool = \"main\", weight = -1 }]", `f:6:36: route[0].split[0].weight: -1 is out of range; write a number above 0, at most 1e9`},
		"split for nobody":   {"%s[[route]]\nsplit = [{ pool = \"main\", worker = \"vip.*\" }]", `f:6:1: route[0].split: no part is for miners whose worker no part names; give one a weight or a hashrate, or worker = "*"`},
		"worker taken":       {"%s[[route]]\nsplit = [{ pool = \"x\", worker = \"*\" }, { pool = \"main\", worker = \"a\" }]", "f:6:19: route[0].split[0].pool: no pool has the name \"x\"; pools are \"main\"\n" + `f:6:66: route[0].split[1].worker: no worker is left for it: part 0 has those of "*", and the first part that matches has a miner`},
		"no window":          {"%s[[route]]\nsplit = [{ pool = \"main\", weight = 1, when = \"* 24 * * *\" }]", `f:6:46: route[0].split[0].when: "* 24 * * *" is no window: end of range (24) above maximum (23): 24; write minute, hour, day, month and weekday as cron has them, such as "* 22-23,0-5 * * mon-fri"`},
		"pool in two parts":  {"%s[[route]]\nsplit = [{ pool = \"main\", weight = 1 }, { pool = \"main\", weight = 2 }]", `f:6:41: route[0].split[1]: pool "main" is in part 0 already; a pool is in one part of a split`},
		"pools and split":    {"%s[[route]]\npools = [\"main\"]\nsplit = [{ pool = \"main\", weight = 1 }]", `f:7:1: route[0].split: a route has either pools or a split; take one of them out`},

		"vardiff zero":      {"%s[vardiff]\nmin = 0", `f:6:7: vardiff.min: 0 is out of range; write a number above 0`},
		"vardiff max":       {"%s[vardiff]\nmax = -1", `f:6:7: vardiff.max: -1 is out of range; write a number above 0, or 0 for the pool's difficulty`},
		"vardiff max < min": {"%s[vardiff]\nmin = 5\nmax = 4", `f:7:7: vardiff.max: 4 is below min, which is 5; write a max of at least that`},
		"vardiff start":     {"%s[vardiff]\nstart = 1024\nmin = 5000", `f:6:9: vardiff.start: 1024 is below min, which is 5000; write a start between min and max`},
		"vardiff start max": {"%s[vardiff]\nstart = 1024\nmax = 500", `f:6:9: vardiff.start: 1024 is above max, which is 500; write a start between min and max`},
		"vardiff fixed":     {"%s[vardiff]\nfixed = -1", `f:6:9: vardiff.fixed: -1 is out of range; write a number above 0, or 0 to adjust it to the miner`},
		"route vardiff":     {"%s[[route]]\nvardiff.fixed = -2e-10", `f:6:17: route[0].vardiff.fixed: -0.0000000002 is out of range; write a number above 0, or 0 to adjust it to the miner`},
		"listener vardiff":  {"%s[[listener]]\naddress = \"a:1\"\nvardiff = { start = -1 }", `f:7:21: listener[0].vardiff.start: -1 is out of range; write a number above 0`},

		"unset variable":  {"%spassword = \"${PW}\"", `f:5:12: pool[0].password: the environment variable PW is not set; set it, or write "$${" for a plain "${"`},
		"open variable":   {"%spassword = \"a${PW\"", `f:5:12: pool[0].password: "${" without "}"; write ${NAME} for a variable, or "$${" for a plain "${"`},
		"broken variable": {"%spassword = \"${P W}\"", `f:5:12: pool[0].password: ${P W} names no variable; write ${NAME}, or "$${" for a plain "${"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := strings.Replace(tt.file, "%s", strings.TrimPrefix(minimal, "\n")+"# more\n", 1)
			if diff := cmp.Diff(tt.want, problemsOf(t, file, Options{}).Error()); diff != "" {
				t.Errorf("of the file\n%s\n-want +got:\n%s", file, diff)
			}
		})
	}
}

// What is a secret is not told by what is said of a line where the quotes are missing.
func TestSyntaxTellsNoSecret(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"[[pool]]\npassword", "[[pool]]\nproxy", "[[route]]\npassword", "[logins]\npassword", "[storage]\nurl", "[[alerts.sink]]\nurl",
		"[telemetry]\ntraces", "[telemetry]\ntraces_authorization", "telemetry.traces_authorization", "[telemetry]\nsentry",
	} {
		for _, value := range []string{"slack://hook:hunter2", "https://h/hunter2", "hooks.example.com/hunter2"} {
			said := problemsOf(t, key+" = "+value+"\n", Options{}).Error()
			if strings.Contains(said, "hunter2") || !strings.Contains(said, `= "…"`) {
				t.Errorf("%s", said)
			}
		}
	}
}

func TestProblemsOfSyntax(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, want string }{
		"text without quotes": {
			"[[pool]]\nurl = stratum+tcp://h:1 # mine\nusername = \"u\"\n[server]\nlisten = [5]\n",
			"f:2:7: pool[0].url: not valid TOML: unexpected character U+0073 's' at start of value; put the text in quotes: url = \"stratum+tcp://h:1\"\n" +
				`f:5:11: server.listen[0]: want a text such as "…", got the integer 5`,
		},
		"several lines": {
			"[[pool]]\nurl = \"h:1\"\nusername = u\n[[pool]]\nurl = \"h:2\"\nusername = v\npassword =\n[route.match]\nx = y",
			"f:3:12: pool[0].username: not valid TOML: unexpected character U+0075 'u' at start of value; put the text in quotes: username = \"u\"\n" +
				"f:6:12: pool[1].username: not valid TOML: unexpected character U+0076 'v' at start of value; put the text in quotes: username = \"v\"",
		},
		"a bare password is not echoed": {"[[pool]]\npassword = hunter2\n", "f:2:12: pool[0].password: not valid TOML: unexpected character U+0068 'h' at start of value; put the text in quotes: password = \"…\""},
		"nor a bare proxy":              {"[[pool]]\nproxy = socks5://farm:hunter2@p:1\n", "f:2:9: pool[0].proxy: not valid TOML: unexpected character U+0073 's' at start of value; put the text in quotes: proxy = \"…\""},
		"no value":                      {"data_dir =\n", "f:1:11: data_dir: not valid TOML: unexpected character U+000A at start of value; write data_dir = VALUE, or leave the line out"},
		"no equals sign":                {"data_dir \"x\"\n", `f:1:10: not valid TOML: expected '=' after key`},
		"a word":                        {"data_dir\n", `f:1:9: not valid TOML: expected '=' after key; write a key as data_dir = VALUE`},
		"duplicate key": {
			"[server]\nlisten = []\nlisten = []\n[http]\nx = 1",
			"f:3:1: server.listen: not valid TOML: key listen is already defined\nf:5:1: http.x: unknown key \"x\"; known in http: listen, rate_limit, rate_burst",
		},
		"duplicate table":   {"[server]\n[http]\n[server]\nlisten = []\n", `f:3:2: not valid TOML: table server already exists`},
		"unclosed list":     {"[server]\nlisten = [\"a\"\nmax_connections = 1\nidle_timeout = \"1s\"\n", `f:3:1: server.max_connections: not valid TOML: expected ',' or ']' after array value`},
		"unclosed text":     {"data_dir = \"x\n", `f:1:14: data_dir: not valid TOML: basic strings cannot have new lines`},
		"not text at all":   {"\x00\x01\x02", "f:1:1: not valid TOML: invalid character at start of key: U+0000"},
		"nested under pool": {"[[route]]\n[[route]]\n[route.match]\ncidr = 10.0.0.0/8x\n", "f:4:12: route[1].match.cidr: not valid TOML: expected newline but got U+002E '.'; put the text in quotes: cidr = \"10.0.0.0/8x\""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, problemsOf(t, tt.file, Options{}).Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A file that begins as some editors on Windows have it.
func TestLoadTakesBOMAndCRLF(t *testing.T) {
	t.Parallel()
	load(t, "\xef\xbb\xbf"+strings.ReplaceAll(minimal, "\n", "\r\n"), Options{})
}

func TestProblemsNeverShowSecrets(t *testing.T) {
	t.Parallel()
	file := minimal + "password = \"hunter2 \"\n[storage]\nurl = \"postgres://u:hunter2@h:x/db\"\n"
	opts := Options{Env: environ(map[string]string{"LOKA_PASSWORD": "hunter2 x"}), Flags: Flags{Password: "hunter2\n"}}
	if text := problemsOf(t, file, opts).Error(); strings.Contains(text, "hunter2") {
		t.Errorf("a secret is shown:\n%s", text)
	}
}

func TestProblemsOfOverrides(t *testing.T) {
	t.Parallel()
	env := environ(map[string]string{
		"LOKA_SERVER_LISTEN": "x", "LOKA_SERVER_MAX_CONNECTIONS": "many", "LOKA_VARDIFF_MIN": "-1", "LOKA_STORAGE_MAX_DISK": "5",
	})
	got := problemsOf(t, minimal, Options{Env: env, Flags: Flags{Mode: "both", Pools: []string{"h:1", "h"}, HTTP: "h"}})
	want := `LOKA_SERVER_MAX_CONNECTIONS: server.max_connections: want an integer such as 1000, got the text "many"
LOKA_STORAGE_MAX_DISK: storage.max_disk: not a size: "5"; write it like "64KiB", "500MiB" or "10GiB"
--mode: route[0].mode: "both" is not known; write one of "shared", "dedicated"
LOKA_SERVER_LISTEN: server.listen[0]: "x" is no address to listen on; write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)
--http: http.listen: "h" is no address to listen on; write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)
--pool: pool[1].url: pool URL "h": the port is missing: write h:port; write it like "stratum+tcp://pool.example.com:3333"
--pool: pool[1].username: no username; write the account or address that this pool pays, as in username = "ACCOUNT"
LOKA_VARDIFF_MIN: vardiff.min: -1 is out of range; write a number above 0`
	if diff := cmp.Diff(want, got.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
