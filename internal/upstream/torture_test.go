package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// notifyWith is a notify whose parameters are the given raw JSON values.
func notifyWith(params ...string) string {
	return `{"id":null,"method":"mining.notify","params":[` + strings.Join(params, ",") + `]}`
}

// fields are the nine parameters of a sound job, with one replaced.
func fields(at int, with string) []string {
	f := []string{`"j"`, `"` + zeroPrev + `"`, `"01"`, `"ff"`, `[]`, `"20000000"`, `"1d00ffff"`, `"504e86ed"`, `true`}
	if at >= 0 {
		f[at] = with
	}
	return f
}

const branch = `"1111111111111111111111111111111111111111111111111111111111111111"`

func branches(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(branch+",", n), ",") + "]"
}

// TestTorture feeds a steady session, which has one submit open under id 3
// and has been given a job, one line each; events is all that may come of it,
// sent all that may be answered, reason how it may end.
func TestTorture(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		line   string
		event  string
		sent   string
		reason mining.Reason
	}{
		// mining.set_difficulty
		"difficulty string":         {`{"id":null,"method":"mining.set_difficulty","params":["1024"]}`, "difficulty 1024", "", ""},
		"difficulty 0":              {`{"id":null,"method":"mining.set_difficulty","params":[0]}`, "bad_line", "", ""},
		"difficulty -1":             {`{"id":null,"method":"mining.set_difficulty","params":[-1]}`, "bad_line", "", ""},
		"difficulty -0":             {`{"id":null,"method":"mining.set_difficulty","params":[-0]}`, "bad_line", "", ""},
		"difficulty 1e-5":           {`{"id":null,"method":"mining.set_difficulty","params":[1e-5]}`, "difficulty 0.00001", "", ""},
		"difficulty 1024.0":         {`{"id":null,"method":"mining.set_difficulty","params":[1024.0]}`, "difficulty 1024", "", ""},
		"difficulty 2^48":           {`{"id":null,"method":"mining.set_difficulty","params":[281474976710656]}`, "difficulty 281474976710656", "", ""},
		"difficulty beyond targets": {`{"id":null,"method":"mining.set_difficulty","params":[1.7976931348623157e308]}`, "bad_line", "", ""},
		"difficulty 1e999":          {`{"id":null,"method":"mining.set_difficulty","params":[1e999]}`, "bad_line", "", ""},
		"difficulty NaN":            {`{"id":null,"method":"mining.set_difficulty","params":[NaN]}`, "bad_line", "", ""},
		"difficulty Infinity":       {`{"id":null,"method":"mining.set_difficulty","params":[Infinity]}`, "bad_line", "", ""},
		"difficulty absent":         {`{"id":null,"method":"mining.set_difficulty","params":[]}`, "bad_line", "", ""},
		"difficulty null":           {`{"id":null,"method":"mining.set_difficulty","params":[null]}`, "bad_line", "", ""},
		"difficulty no params":      {`{"id":null,"method":"mining.set_difficulty"}`, "bad_line", "", ""},
		"difficulty with an id":     {`{"id":44,"method":"mining.set_difficulty","params":[2]}`, "difficulty 2", "", ""},

		// mining.notify
		"notify 8 params, same block": {notifyWith(fields(-1, "")[:8]...), "job j", "", ""},
		"notify 8 params, new block":  {notifyWith(fields(1, `"`+otherPrev+`"`)[:8]...), "job j clean", "", ""},
		"notify 10 params":            {notifyWith(append(fields(-1, ""), `"more"`)...), "job j clean", "", ""},
		"notify 7 params":             {notifyWith(fields(-1, "")[:7]...), "bad_line", "", ""},
		"notify no params":            {`{"method":"mining.notify"}`, "bad_line", "", ""},
		"notify params object":        {`{"method":"mining.notify","params":{"0":"j"}}`, "bad_line", "", ""},
		"notify clean false":          {notifyWith(fields(8, `false`)...), "job j", "", ""},
		"notify clean string true":    {notifyWith(fields(8, `"true"`)...), "job j clean", "", ""},
		"notify clean 1":              {notifyWith(fields(8, `1`)...), "job j clean", "", ""},
		"notify clean null":           {notifyWith(fields(8, `null`)...), "job j", "", ""},
		"notify branches null":        {notifyWith(fields(4, `null`)...), "job j clean", "", ""},
		"notify 32 branches":          {notifyWith(fields(4, branches(32))...), "job j clean", "", ""},
		"notify 33 branches":          {notifyWith(fields(4, branches(33))...), "bad_line", "", ""},
		"notify branch short":         {notifyWith(fields(4, `["11"]`)...), "bad_line", "", ""},
		"notify branch number":        {notifyWith(fields(4, `[1]`)...), "bad_line", "", ""},
		"notify coinb1 odd hex":       {notifyWith(fields(2, `"010"`)...), "bad_line", "", ""},
		"notify coinb1 no hex":        {notifyWith(fields(2, `"0g"`)...), "bad_line", "", ""},
		"notify coinb1 16 KiB":        {notifyWith(fields(2, `"`+strings.Repeat("01", 8<<10)+`"`)...), "job j clean", "", ""},
		"notify coinb1 larger":        {notifyWith(fields(2, `"`+strings.Repeat("01", 8<<10+1)+`"`)...), "bad_line", "", ""},
		"notify coinb2 larger":        {notifyWith(fields(3, `"`+strings.Repeat("01", 8<<10+1)+`"`)...), "bad_line", "", ""},
		"notify coinb1 empty":         {notifyWith(fields(2, `""`)...), "bad_line", "", ""},
		"notify nbits zero":           {notifyWith(fields(6, `"00000000"`)...), "bad_line", "", ""},
		"notify nbits negative":       {notifyWith(fields(6, `"1d80ffff"`)...), "bad_line", "", ""},
		"notify nbits overflows":      {notifyWith(fields(6, `"ff00ffff"`)...), "bad_line", "", ""},
		"notify coinb2 number":        {notifyWith(fields(3, `7`)...), "bad_line", "", ""},
		"notify prevhash 63 digits":   {notifyWith(fields(1, `"`+zeroPrev[1:]+`"`)...), "bad_line", "", ""},
		"notify prevhash upper-case":  {notifyWith(fields(1, `"`+strings.Repeat("AB", 32)+`"`)...), "job j clean", "", ""},
		"notify version unpadded":     {notifyWith(fields(5, `"2"`)...), "job j clean", "", ""},
		"notify version too long":     {notifyWith(fields(5, `"200000000"`)...), "bad_line", "", ""},
		"notify nbits unpadded":       {notifyWith(fields(6, `"d00ffff"`)...), "job j clean", "", ""},
		"notify ntime upper-case":     {notifyWith(fields(7, `"504E86ED"`)...), "job j clean", "", ""},
		"notify ntime empty":          {notifyWith(fields(7, `""`)...), "bad_line", "", ""},
		"notify id 128 bytes":         {notifyWith(fields(0, `"`+strings.Repeat("i", 128)+`"`)...), "job " + strings.Repeat("i", 128) + " clean", "", ""},
		"notify id 129 bytes":         {notifyWith(fields(0, `"`+strings.Repeat("i", 129)+`"`)...), "bad_line", "", ""},
		"notify same id and content":  {job("first", zeroPrev, "false"), "job first", "", ""},
		"notify with an id":           {`{"id":5,"method":"mining.notify","params":[` + strings.Join(fields(-1, ""), ",") + `]}`, "job j clean", "", ""},
		"params before method":        {`{"params":[16],"method":"mining.set_difficulty","id":null}`, "difficulty 16", "", ""},

		// mining.set_extranonce
		"extranonce":          {`{"id":null,"method":"mining.set_extranonce","params":["08000003",4]}`, "extranonce 08000003/04", "", ""},
		"extranonce the same": {`{"id":null,"method":"mining.set_extranonce","params":["08000002",4]}`, "", "", ""},
		"extranonce no size":  {`{"id":null,"method":"mining.set_extranonce","params":["08000003"]}`, "extranonce 08000003/04", "", ""},
		"extranonce nothing":  {`{"id":null,"method":"mining.set_extranonce","params":[]}`, "bad_line", "", ""},
		"extranonce null":     {`{"id":null,"method":"mining.set_extranonce","params":[null,null]}`, "bad_line", "", ""},
		"extranonce size 17":  {`{"id":null,"method":"mining.set_extranonce","params":["08000003",17]}`, "", "", mining.BadExtranonce},
		"extranonce size 1":   {`{"id":null,"method":"mining.set_extranonce","params":["08000003",1]}`, "", "", mining.BadExtranonce},
		"extranonce odd":      {`{"id":null,"method":"mining.set_extranonce","params":["0800000",4]}`, "", "", mining.BadExtranonce},
		"extranonce 33 bytes": {`{"id":null,"method":"mining.set_extranonce","params":["` + strings.Repeat("ab", 33) + `",4]}`, "", "", mining.BadExtranonce},

		// mining.set_version_mask
		"mask":        {`{"id":null,"method":"mining.set_version_mask","params":["00c00000"]}`, "mask 00c00000", "", ""},
		"mask wider":  {`{"id":null,"method":"mining.set_version_mask","params":["ffffffff"],"error":null}`, "", "", ""},
		"mask none":   {`{"id":null,"method":"mining.set_version_mask","params":["00000000"]}`, "mask 00000000", "", ""},
		"mask no hex": {`{"id":null,"method":"mining.set_version_mask","params":["zz"]}`, "bad_line", "", ""},
		"mask absent": {`{"id":null,"method":"mining.set_version_mask","params":[]}`, "bad_line", "", ""},

		// client.* and others
		"reconnect":            {`{"id":null,"method":"client.reconnect","params":["evil.example.com",3333,0]}`, "reconnect evil.example.com", "", ""},
		"reconnect strings":    {`{"id":null,"method":"client.reconnect","params":["evil.example.com","3333","5"]}`, "reconnect evil.example.com", "", ""},
		"reconnect here":       {`{"id":null,"method":"client.reconnect","params":[]}`, "reconnect ", "", ""},
		"message":              {`{"id":null,"method":"client.show_message","params":["hi \u001b[31mthere"]}`, "message hi .[31mthere", "", ""},
		"message without text": {`{"id":null,"method":"client.show_message","params":[]}`, "bad_line", "", ""},
		"get_version":          {`{"id":7,"method":"client.get_version","params":[]}`, "", `{"id":7,"result":"loka/1","error":null}`, ""},
		"get_version by text":  {`{"id":"v","method":"client.get_version"}`, "", `{"id":"v","result":"loka/1","error":null}`, ""},
		"get_version no id":    {`{"id":null,"method":"client.get_version","params":[]}`, "", "", ""},
		"get_version long id":  {`{"id":"` + strings.Repeat("v", 2000) + `","method":"client.get_version"}`, "bad_line", "", ""},
		"ping":                 {`{"id":8,"method":"mining.ping","params":[]}`, "", `{"id":8,"result":"pong","error":null}`, ""},
		"ping no id":           {`{"id":null,"method":"mining.ping","params":[]}`, "", "", ""},
		"pong":                 {`{"id":8,"method":"pong","params":[]}`, "", "", ""},
		"unknown request":      {`{"id":9,"method":"mining.what","params":[]}`, "", `{"id":9,"result":null,"error":[20,"Unsupported method",null]}`, ""},
		"unknown notification": {`{"id":null,"method":"mining.what","params":[]}`, "", "", ""},
		"request of a miner":   {`{"id":9,"method":"mining.submit","params":[]}`, "", `{"id":9,"result":null,"error":[20,"Unsupported method",null]}`, ""},
		"multi_version":        {`{"id":null,"method":"mining.multi_version","params":[1,2]}`, "", "", ""},
		"set_goal":             {`{"id":null,"method":"mining.set_goal","params":["x"]}`, "", "", ""},

		// replies
		"reply id as string":       {`{"id":"3","result":true,"error":null}`, "verdict 1 accepted", "", ""},
		"reply id as float":        {`{"id":3.0,"result":true,"error":null}`, "verdict 1 accepted", "", ""},
		"reply error []":           {`{"id":3,"result":true,"error":[]}`, "verdict 1 accepted", "", ""},
		"reply error {}":           {`{"id":3,"result":true,"error":{}}`, "verdict 1 accepted", "", ""},
		"reply null and null":      {`{"id":3,"result":null,"error":null}`, "verdict 1 invalid", "", ""},
		"reply unknown id":         {`{"id":4,"result":true,"error":null}`, "", "", ""},
		"reply id 0":               {`{"id":0,"result":true,"error":null}`, "", "", ""},
		"reply id negative":        {`{"id":-3,"result":true,"error":null}`, "", "", ""},
		"reply id huge":            {`{"id":99999999999999999999,"result":true,"error":null}`, "", "", ""},
		"reply id text":            {`{"id":"auth","result":true,"error":null}`, "", "", ""},
		"reply to subscribe again": {slushSubscribed, "", "", ""},
		"reply to configure again": {maskGranted, "", "", ""},
		"NOMP's get_transactions":  {`{"id":null,"result":[],"error":true}`, "", "", ""},
		"error alone":              {`{"error":[]}`, "", "", ""},
		"nulls alone":              {`{"result":null,"error":null}`, "", "", ""},

		// lines
		"empty":            {``, "", "", ""},
		"blanks":           {" \t\r", "", "", ""},
		"with a CR":        {`{"id":3,"result":true}` + "\r", "verdict 1 accepted", "", ""},
		"empty object":     {`{}`, "bad_line", "", ""},
		"batch":            {`[{"id":3,"result":true}]`, "bad_line", "", ""},
		"duplicate key":    {`{"id":3,"id":3,"result":true}`, "bad_line", "", ""},
		"escaped key":      {`{"\u0069d":3,"id":4,"result":true}`, "bad_line", "", ""},
		"trailing comma":   {`{"id":3,"result":true,}`, "bad_line", "", ""},
		"two objects":      {`{"id":3,"result":true}{"id":4,"result":true}`, "bad_line", "", ""},
		"deep":             {`{"id":3,"result":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`, "bad_line", "", ""},
		"cut":              {`{"id":3,"resu`, "bad_line", "", ""},
		"not UTF-8":        {"{\"id\":3,\"result\":\"\xff\"}", "bad_line", "", ""},
		"lone surrogate":   {`{"id":3,"result":"\ud800"}`, "bad_line", "", ""},
		"zero byte":        {"{\"id\":3,\"result\":\"\x00\"}", "bad_line", "", ""},
		"method a number":  {`{"id":5,"method":5,"params":[]}`, "bad_line", "", ""},
		"id an array":      {`{"id":[3],"result":true}`, "bad_line", "", ""},
		"ckpool's goodbye": {`Invalid JSON, disconnecting`, "bad_line", "", ""},
		"HTTP":             {`HTTP/1.1 400 Bad Request`, "bad_line", "", ""},
		"over 64 KiB":      {`{"id":3,"result":"` + strings.Repeat("a", 64<<10) + `"}`, "bad_line", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, masked()).steady().say(job("first", zeroPrev, "true"))
			p.submit(share(p.s.LastJob(), 1))
			p.reset()
			p.say(tc.line)
			p.wantReason(tc.reason)
			if tc.event == "" {
				p.wantEvents()
			} else {
				p.wantEvents(tc.event)
			}
			if tc.sent == "" {
				p.wantLines()
			} else {
				p.wantLines(tc.sent)
			}
		})
	}
}

func TestEveryJobFieldIsTaken(t *testing.T) {
	t.Parallel()
	p := newPool(t, masked()).steady()
	p.now = p.now.Add(time.Second)
	p.say(`{"method":"mining.set_difficulty","params":[512]}`,
		notifyWith(`"j\"1"`, `"`+strings.Repeat("00000001", 8)+`"`, `"0102"`, `"0304"`, "["+branch+"]", `"2"`, `"1d00ffff"`, `"504e86ed"`, `false`))
	if len(p.events) != 2 || p.events[1].Kind != upstream.Job {
		t.Fatalf("events are %+v", p.events)
	}
	j := p.s.LastJob()
	if j.Ref != `j"1` || string(j.CoinbasePrefix) != "\x01\x02" || string(j.CoinbaseSuffix) != "\x03\x04" ||
		len(j.Branches) != 1 || j.Branches[0][0] != 0x11 || j.Version != 2 || j.NBits != 0x1d00ffff || j.NTime != 0x504e86ed ||
		j.PrevHash[0] != 1 || j.PrevHash[3] != 0 || j.Clean || j.Difficulty != 512 || !j.Received.Equal(p.now) {
		t.Errorf("job is %+v", j)
	}
}

// TestJobsKeepTheirMemory makes sure that a job is immutable once told.
func TestJobsKeepTheirMemory(t *testing.T) {
	t.Parallel()
	p := newPool(t, masked()).steady()
	line := []byte(notifyWith(fields(-1, "")...))
	p.events, p.out, p.err = p.s.Line(line, p.now, nil, nil)
	first := p.events[0].Job
	before := *first
	clear(line)
	p.say(notifyWith(`"other"`, `"`+otherPrev+`"`, `"aabb"`, `"ccdd"`, branches(3), `"3"`, `"1d00fffe"`, `"504e86ee"`, `true`))
	if first.Ref != "j" || first.CoinbasePrefix[0] != 1 || first.CoinbaseSuffix[0] != 0xff || before.NTime != first.NTime || len(first.Branches) != 0 {
		t.Errorf("job became %+v", first)
	}
}

func TestCleanWithoutFlagGoesByBlock(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(
		job("a", zeroPrev, ""), job("b", zeroPrev, ""), job("c", otherPrev, "null"), job("d", otherPrev, `{}`))
	p.wantEvents("job a clean", "job b", "job c clean", "job d")
}

func TestHeldJobsCleanByBlock(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).start().say(
		job("a", zeroPrev, "false"), job("b", zeroPrev, ""), strings.Replace(slushSubscribed, `"id":2`, `"id":1`, 1))
	p.wantEvents("subscribed 08000002/04", "job b")
}

func TestExtranonceCountsFromTheNextJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(job("a", zeroPrev, "true"))
	before := p.s.LastJob()
	p.say(`{"id":null,"method":"mining.set_extranonce","params":["08000003",5]}`, job("b", zeroPrev, "true"))
	after := p.s.LastJob()
	if before.Extranonce1.String() != "08000002" || before.Extranonce2Size != 4 ||
		after.Extranonce1.String() != "08000003" || after.Extranonce2Size != 5 {
		t.Errorf("jobs are %+v and %+v", before, after)
	}
	if en1, size := p.s.Extranonce(); en1.String() != "08000003" || size != 5 {
		t.Errorf("extranonce is %v/%d", en1, size)
	}
}

func TestExtranonceBeforeSubscribeIsSkipped(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).start().say(`{"id":null,"method":"mining.set_extranonce","params":["08000003",5]}`)
	p.wantEvents("bad_line")
	p.wantReason("")
}

func TestReconnectTellsWhere(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(
		`{"method":"client.reconnect","params":["a.example.com","3334",90000000]}`,
		`{"method":"client.reconnect","params":["a.example.com",70000,-1]}`)
	if len(p.events) == 0 || p.events[0].Port != 3334 || p.events[0].Wait != 24*time.Hour {
		t.Errorf("events are %+v", p.events)
	}
	for _, ev := range p.events[1:] {
		if ev.Port != 0 || ev.Wait != 0 {
			t.Errorf("event is %+v", ev)
		}
	}
}

func TestBadLinesEndTheSession(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady()
	for range 4 {
		p.say("x")
	}
	p.now = p.now.Add(61 * time.Second)
	p.say("x", "x", "x", "x")
	p.wantReason("")
	p.now = p.now.Add(59 * time.Second)
	p.say("x")
	p.wantReason(mining.TooManyErrors)
	p.wantEvents(strings.Split(strings.Repeat("bad_line ", 9)[:9*9-1], " ")...)
	if n := p.s.Info().Counts.BadLines; n != 9 {
		t.Errorf("%d bad lines counted", n)
	}
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(
		`{"method":"client.show_message","params":["`+strings.Repeat("a", 5000)+`"]}`,
		`{"method":"client.reconnect","params":["`+strings.Repeat("é", 5000)+`x",1,1]}`)
	if n := len(p.events[0].Text); n != upstream.MaxText {
		t.Errorf("message of %d bytes", n)
	}
	if got := p.events[1].Host; got != ".x" {
		t.Errorf("host is %q", got)
	}
}
