package sim

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/sv1"
)

const (
	goodJob   = `{"id":null,"method":"mining.notify","params":["j1","` + zeros64 + `","01","02",[],"20000000","1703a30c","64000000",true]}`
	zeros64   = "0000000000000000000000000000000000000000000000000000000000000000"
	goodDiff  = `{"id":null,"method":"mining.set_difficulty","params":[1]}`
	wrongMask = `{"id":null,"method":"mining.set_version_mask","params":["1fffe000"]}`
	newEn1    = `{"id":null,"method":"mining.set_extranonce","params":["aabbccdd",8]}`
	show      = `{"id":null,"method":"client.show_message","params":["hi"]}`
)

// script is a server that answers as it should, but for methods that have lines
// of their own here; %s in them is the id.
type script map[string][]string

func (sc script) lines(m *sv1.Message) []string {
	id := string(m.ID)
	if lines, ok := sc[string(m.Method)]; ok {
		out := make([]string, len(lines))
		for i, l := range lines {
			out[i] = strings.ReplaceAll(l, "%s", id)
		}
		return out
	}
	switch string(m.Method) {
	case "mining.configure":
		return []string{`{"id":` + id + `,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`}
	case "mining.subscribe":
		return []string{`{"id":` + id + `,"result":[[["mining.set_difficulty","s1"],["mining.notify","s1"]],"08000002",8],"error":null}`}
	case "mining.authorize":
		return []string{`{"id":` + id + `,"result":true,"error":null}`, goodDiff, goodJob}
	}
	if m.HasID() && m.Method != nil {
		return []string{`{"id":` + id + `,"result":true,"error":null}`}
	}
	return nil
}

// serve runs the script on a port until the test ends.
func (sc script) serve(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { sc.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func (sc script) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := sv1.NewReader(conn, 1<<16)
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		var m sv1.Message
		if m.Scan(line) != nil {
			return
		}
		for _, l := range sc.lines(&m) {
			if _, err := fmt.Fprintf(conn, "%s\n", l); err != nil {
				return
			}
		}
	}
}

// watch has one miner of a manner talk to a script, as patient as is said.
func watch(t *testing.T, kind Manner, sc script, patience float64) (*failures, *Miners) {
	t.Helper()
	complaints := &failures{}
	return complaints, startMiners(t, MinersConfig{
		Pool: sc.serve(t), Manners: []Manner{kind}, Hashrate: 1000, TimeScale: 0.01, Patience: patience, Once: true,
		SuggestDifficulty: 1, ExtranonceSubscribe: true, OnFailure: complaints.add,
	})
}

// content wants the miner to mine for a while without a complaint.
func content(t *testing.T, kind Manner, sc script) {
	t.Helper()
	complaints, w := watch(t, kind, sc, 1)
	var mining time.Time
	within(t, "quiet mining", func() bool {
		if all := complaints.list(); len(all) > 0 {
			t.Fatalf("should put up with it: %q: %s", all[0].Text, all[0].Line)
		}
		st := w.Stats().Miners[0]
		switch {
		case !st.Mining:
			mining = time.Time{}
		case mining.IsZero():
			mining = time.Now()
		}
		return !mining.IsZero() && time.Since(mining) > 150*time.Millisecond
	})
}

// complains wants the miner to fail with a text.
func complains(t *testing.T, kind Manner, sc script, text string, fatal bool) {
	t.Helper()
	complaints, w := watch(t, kind, sc, 0.01)
	within(t, "the failure "+text, func() bool {
		for _, f := range complaints.list() {
			if strings.Contains(f.Text, text) && f.Fatal == fatal {
				return true
			}
		}
		return false
	})
	if fatal {
		within(t, "the end of the connection", func() bool { return !w.Stats().Miners[0].Connected })
	}
	if st := w.Stats(); st.Failures == 0 || st.Miners[0].LastFailure == "" {
		t.Errorf("not counted: %+v", st)
	}
}

// TestGoodServer: the script without a rule is one that every manner mines on.
func TestGoodServer(t *testing.T) {
	t.Parallel()
	for _, kind := range Manners() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			content(t, kind, script{})
		})
	}
}

// TestStrictness has wrong servers, and what each manner makes of them. An
// empty text means that this firmware puts up with it.
func TestStrictness(t *testing.T) {
	t.Parallel()
	const configure, subscribe, authorize, xnsub = "mining.configure", "mining.subscribe", "mining.authorize", "mining.extranonce.subscribe"
	sub := script{}.lines(&sv1.Message{ID: []byte("%s"), Method: []byte(subscribe)})[0]
	conf := script{}.lines(&sv1.Message{ID: []byte("%s"), Method: []byte(configure)})[0]
	earlyJob := strings.Replace(goodJob, "j1", "j0", 1)
	const yes = `{"id":%s,"result":true,"error":null}`
	const extraKeys = `{"id":%s,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000","minimum-difficulty":true},"error":null}`
	rows := []struct {
		name  string
		rules script
		text  map[Manner]string // what the failure says
		soft  []Manner          // who live with it
	}{
		{
			"job before the configure reply",
			script{configure: {earlyJob, conf}},
			map[Manner]string{CGMiner: "line after mining.configure", Whatsminer: "", ESPMiner: "", Bitmain: ""},
			nil,
		},
		{
			"mask before the configure reply",
			script{configure: {wrongMask, conf}},
			map[Manner]string{CGMiner: "line after mining.configure", ESPMiner: "crashes on a set_version_mask", Whatsminer: ""},
			nil,
		},
		{
			"configure refused",
			script{configure: {`{"id":%s,"result":{"version-rolling":false},"error":null}`}},
			map[Manner]string{CGMiner: "version rolling refused", Whatsminer: "", ESPMiner: "", Bitmain: ""},
			nil,
		},
		{
			"configure unknown",
			script{configure: {`{"id":%s,"result":null,"error":[20,"Unknown method",null]}`}},
			map[Manner]string{CGMiner: "configure refused", Whatsminer: "configure refused", ESPMiner: "", Bitmain: ""},
			nil,
		},
		{
			"configure unanswered",
			script{configure: {}},
			map[Manner]string{CGMiner: "no answer to mining.configure", Whatsminer: "no answer", ESPMiner: "", Bitmain: ""},
			nil,
		},
		{
			"configure reply with extra keys",
			script{configure: {extraKeys}},
			map[Manner]string{CGMiner: "not asked for", Whatsminer: "loops", ESPMiner: "not asked for", Bitmain: "unexpected mining.configure value"},
			[]Manner{CGMiner, ESPMiner, Bitmain},
		},
		{
			"job before the subscribe reply",
			script{subscribe: {goodDiff, earlyJob, sub}},
			map[Manner]string{
				CPUMiner: "line after mining.subscribe", NerdMiner: "line after mining.subscribe",
				CGMiner: "", Bitmain: "", Whatsminer: "", ESPMiner: "", BFGMiner: "", NiceHash: "",
			},
			nil,
		},
		{
			"unknown line before the subscribe reply",
			script{subscribe: {newEn1, newEn1, sub}},
			map[Manner]string{
				CGMiner: "answer to subscribe is a message", CPUMiner: "answer to subscribe is a message",
				Bitmain: "", BFGMiner: "", NiceHash: "", Whatsminer: "answer to subscribe is a message",
			},
			nil,
		},
		{
			"subscribe refused",
			script{subscribe: {`{"id":%s,"result":null,"error":[20,"no",null]}`}},
			map[Manner]string{
				CGMiner: "subscribe refused", CPUMiner: "subscribe refused", Bitmain: "subscribe refused", Whatsminer: "subscribe refused",
				ESPMiner: "subscribe refused", NerdMiner: "subscribe refused", BFGMiner: "subscribe refused", NiceHash: "subscribe refused",
			},
			nil,
		},
		{
			"no session in the subscribe reply",
			script{subscribe: {`{"id":%s,"result":[[],"08000002",8],"error":null}`}},
			map[Manner]string{NerdMiner: "without a session", CGMiner: "", ESPMiner: ""},
			nil,
		},
		{
			"narrow extranonce2",
			script{subscribe: {`{"id":%s,"result":[[["mining.notify","s1"]],"08000002",3],"error":null}`}},
			map[Manner]string{NiceHash: "extranonce2 size is 3 (minimum is 4)", CGMiner: "", CPUMiner: ""},
			nil,
		},
		{
			"extranonce2 of one byte",
			script{subscribe: {`{"id":%s,"result":[[["mining.notify","s1"]],"08000002",1],"error":null}`}},
			map[Manner]string{CGMiner: "minimum is 2", Bitmain: "minimum is 2", CPUMiner: "", ESPMiner: ""},
			nil,
		},
		{
			"another id in the subscribe reply",
			script{subscribe: {`{"id":77,"result":[[["mining.notify","s1"]],"08000002",8],"error":null}`}},
			map[Manner]string{CGMiner: "another id", CPUMiner: "another id", NerdMiner: "another id", ESPMiner: "nothing that was asked"},
			[]Manner{CGMiner, CPUMiner, NerdMiner, ESPMiner},
		},
		{
			"unknown line before the authorize reply",
			script{authorize: {newEn1, yes, goodJob}},
			map[Manner]string{
				CGMiner: "answer to authorize is a message", CPUMiner: "answer to authorize is a message",
				Whatsminer: "answer to authorize is a message", Bitmain: "", NiceHash: "", ESPMiner: "",
			},
			nil,
		},
		{
			"mask before the authorize reply",
			script{authorize: {wrongMask, yes, goodJob}},
			map[Manner]string{CPUMiner: "answer to authorize is a message", Bitmain: "before the first job", CGMiner: "", ESPMiner: ""},
			[]Manner{Bitmain},
		},
		{"job before the authorize reply", script{authorize: {goodDiff, goodJob, yes}}, map[Manner]string{
			CGMiner: "", CPUMiner: "", Bitmain: "", Whatsminer: "", ESPMiner: "", NerdMiner: "", BFGMiner: "", NiceHash: "",
		}, nil},
		{"authorize refused", script{authorize: {`{"id":%s,"result":false,"error":null}`, goodJob}}, map[Manner]string{
			CGMiner: "authorize refused", CPUMiner: "authorize refused", Bitmain: "authorize refused", Whatsminer: "authorize refused",
			ESPMiner: "authorize refused", NerdMiner: "authorize refused", BFGMiner: "authorize refused", NiceHash: "authorize refused",
		}, nil},
		{
			"authorize answered with null",
			script{authorize: {`{"id":%s,"result":null,"error":null}`, goodJob}},
			map[Manner]string{CGMiner: "", BFGMiner: "", ESPMiner: "authorize refused"},
			nil,
		},
		{
			"authorize unanswered",
			script{authorize: {goodJob}},
			map[Manner]string{CGMiner: "no answer to mining.authorize", ESPMiner: "no answer", BFGMiner: `with the id "auth"`},
			nil,
		},
		{
			"string id not echoed",
			script{authorize: {`{"id":"AUTH","result":true,"error":null}`, goodJob}},
			map[Manner]string{BFGMiner: "nothing that was asked"},
			[]Manner{BFGMiner},
		},
		{
			"answers to null ids",
			script{"mining.suggest_target": {`{"id":null,"result":true,"error":null}`}, "mining.capabilities": {`{"id":null,"result":true,"error":null}`}},
			map[Manner]string{BFGMiner: "mining.subscribe"},
			nil,
		},
		{
			"xnsub refused",
			script{xnsub: {`{"id":%s,"result":false,"error":[20,"Not supported.",null]}`}},
			map[Manner]string{Bitmain: "unexpected answer to mining.extranonce.subscribe", ESPMiner: "", NiceHash: "", BFGMiner: ""},
			nil,
		},
		{
			"xnsub refused in known words",
			script{xnsub: {`{"id":%s,"result":null,"error":[20,"Unrecognized request provided",null]}`}},
			map[Manner]string{Bitmain: ""},
			nil,
		},
		{"xnsub unanswered", script{xnsub: {}}, map[Manner]string{Bitmain: ""}, nil},
		{"no job", script{authorize: {yes}}, map[Manner]string{NiceHash: "no job after the login"}, nil},
		{
			"null branches",
			script{authorize: {yes, strings.Replace(goodJob, "[],", "null,", 1)}},
			map[Manner]string{CGMiner: "branches", Bitmain: "branches", Whatsminer: "branches"},
			nil,
		},
		{
			"unpadded fields",
			script{authorize: {yes, strings.Replace(goodJob, `"20000000"`, `"2"`, 1)}},
			map[Manner]string{CPUMiner: "is not 8 digits", CGMiner: "", ESPMiner: ""},
			[]Manner{CPUMiner},
		},
		{
			"number in a job",
			script{authorize: {yes, strings.Replace(goodJob, `"j1"`, `1`, 1)}},
			map[Manner]string{ESPMiner: "crashes on parameter 0"},
			nil,
		},
		{
			"job id again",
			script{authorize: {yes, goodJob, goodJob}},
			map[Manner]string{ESPMiner: "whose id it has seen", CPUMiner: ""},
			[]Manner{ESPMiner},
		},
		{
			"large coinbase",
			script{authorize: {yes, strings.Replace(goodJob, `"01"`, `"`+strings.Repeat("01", 4200)+`"`, 1)}},
			map[Manner]string{Bitmain: "overflows", NerdMiner: "does not fit into 4 KiB", ESPMiner: ""},
			[]Manner{NerdMiner},
		},
		{
			"extranonce unasked",
			script{authorize: {yes, goodJob, newEn1}},
			map[Manner]string{CGMiner: "unknown method mining.set_extranonce", CPUMiner: "unknown method", NerdMiner: "unknown method", Bitmain: "", ESPMiner: "", BFGMiner: "", NiceHash: ""},
			[]Manner{CGMiner, CPUMiner, NerdMiner},
		},
		{
			"extranonce2 size changed",
			script{authorize: {yes, goodJob, strings.Replace(newEn1, "8", "4", 1)}},
			map[Manner]string{Bitmain: "size changed", BFGMiner: "size changed"},
			[]Manner{Bitmain, BFGMiner},
		},
		{
			"difficulty 0",
			script{authorize: {yes, strings.Replace(goodDiff, "1", "0", 1), goodJob}},
			map[Manner]string{CGMiner: "difficulty", CPUMiner: "difficulty"},
			[]Manner{CGMiner, CPUMiner},
		},
		{
			"message to one that cannot show it",
			script{authorize: {yes, goodJob, show}},
			map[Manner]string{NerdMiner: "unknown method client.show_message", CGMiner: ""},
			[]Manner{NerdMiner},
		},
		{
			"reply to nothing",
			script{authorize: {yes, goodJob, `{"id":4711,"result":false,"error":null}`}},
			map[Manner]string{CGMiner: "nothing that was asked", CPUMiner: "nothing that was asked"},
			[]Manner{CGMiner, CPUMiner},
		},
		{
			"silence",
			script{authorize: {yes}},
			map[Manner]string{CGMiner: "no data for", CPUMiner: "no data for"},
			nil,
		},
	}
	for _, r := range rows {
		for kind, text := range r.text {
			t.Run(r.name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				if text == "" {
					content(t, kind, r.rules)
				} else {
					complains(t, kind, r.rules, text, !slices.Contains(r.soft, kind))
				}
			})
		}
	}
}
