package bench

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/bytedance/sonic"
	"github.com/valyala/fastjson"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

var errShape = errors.New("not the message that was expected")

// submit and notify are the typed fields, the same for every parser.
type (
	submit struct {
		worker, jobID string
		extranonce2   work.Extranonce
		ntime         uint32
		nonce         uint32
		bits          uint32
	}
	notify struct {
		jobID          string
		prevHash       [32]byte
		coinb1, coinb2 []byte
		branches       [][32]byte
		version        uint32
		nbits, ntime   uint32
		clean          bool
	}
)

// parser decodes the three lines with one library; results stay in its fields.
type parser struct {
	name string
	// split only takes a line apart: id, method and raw parameters.
	split, subscribe, submit, notify func(line []byte) error
}

// split is a line of which the parameters are left as they are until the method is
// known.
type split struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// whole is a line of which the parameters are decoded with the rest, into whatever
// they are.
type whole struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params []any           `json:"params"`
}

func parsers() []parser {
	return []parser{
		sv1Parser(),
		standard(),
		reflecting("json_at_once", json.Unmarshal, atOnce(json.Unmarshal)),
		reflecting("sonic", sonic.Unmarshal, atOnce(sonic.Unmarshal)),
		fastjsonParser(),
	}
}

func sv1Parser() parser {
	var (
		m   sv1.Message
		sub sv1.Subscribe
		sh  sv1.Submit
		job sv1.Notify
	)
	scan := func(line []byte, want sv1.Method) error {
		if err := m.Scan(line); err != nil {
			return err
		}
		if sv1.ParseMethod(m.Method) != want {
			return errShape
		}
		return nil
	}
	return parser{
		name:  "sv1",
		split: m.Scan,
		subscribe: func(line []byte) error {
			if err := scan(line, sv1.MethodSubscribe); err != nil {
				return err
			}
			return sub.Decode(m.Params)
		},
		submit: func(line []byte) error {
			if err := scan(line, sv1.MethodSubmit); err != nil {
				return err
			}
			return sh.Decode(m.Params)
		},
		notify: func(line []byte) error {
			if err := scan(line, sv1.MethodNotify); err != nil {
				return err
			}
			return job.Decode(m.Params)
		},
	}
}

// unmarshaler is a library's way to decode.
type unmarshaler func([]byte, any) error

// inTwo finds the method first and decodes the parameters then, as most servers do.
func inTwo(unmarshal unmarshaler) func([]byte) (string, []any, error) {
	return func(line []byte) (string, []any, error) {
		var e split
		if err := unmarshal(line, &e); err != nil {
			return "", nil, err
		}
		var p []any
		err := unmarshal(e.Params, &p)
		return e.Method, p, err
	}
}

// atOnce decodes all of it in one pass.
func atOnce(unmarshal unmarshaler) func([]byte) (string, []any, error) {
	return func(line []byte) (string, []any, error) {
		var e whole
		err := unmarshal(line, &e)
		return e.Method, e.Params, err
	}
}

func reflecting(name string, unmarshal unmarshaler, decode func([]byte) (string, []any, error)) parser {
	var (
		s submit
		n notify
	)
	params := func(line []byte, method string) ([]any, error) {
		got, p, err := decode(line)
		if err == nil && got != method {
			err = errShape
		}
		return p, err
	}
	return parser{
		name: name,
		split: func(line []byte) error {
			var e split
			return unmarshal(line, &e)
		},
		subscribe: func(line []byte) error {
			_, err := params(line, "mining.subscribe")
			return err
		},
		submit: func(line []byte) error {
			p, err := params(line, "mining.submit")
			if err != nil {
				return err
			}
			return submitFrom(&s, p)
		},
		notify: func(line []byte) error {
			p, err := params(line, "mining.notify")
			if err != nil {
				return err
			}
			return notifyFrom(&n, p)
		},
	}
}

// texts takes strings of an array apart.
func texts(p []any, into ...*string) error {
	if len(p) < len(into) {
		return errShape
	}
	for i, to := range into {
		if to == nil {
			continue
		}
		var ok bool
		if *to, ok = p[i].(string); !ok {
			return errShape
		}
	}
	return nil
}

func submitFrom(s *submit, p []any) error {
	var extranonce2, ntime, nonce, bits string
	if err := texts(p, &s.worker, &s.jobID, &extranonce2, &ntime, &nonce); err != nil {
		return err
	}
	var err error
	if s.extranonce2, err = work.ParseExtranonce([]byte(extranonce2)); err != nil {
		return err
	}
	if err := words(word{[]byte(ntime), &s.ntime}, word{[]byte(nonce), &s.nonce}); err != nil || len(p) == 5 {
		return err
	}
	if err := texts(p[5:], &bits); err != nil {
		return err
	}
	return words(word{[]byte(bits), &s.bits})
}

func notifyFrom(n *notify, p []any) error {
	var prev, coinb1, coinb2, version, nbits, ntime string
	if err := texts(p, &n.jobID, &prev, &coinb1, &coinb2, nil, &version, &nbits, &ntime); err != nil || len(p) < 9 {
		return errShape
	}
	branches, ok := p[4].([]any)
	if n.clean, _ = p[8].(bool); !ok {
		return errShape
	}
	var err error
	if n.coinb1, err = hex.AppendDecode(n.coinb1[:0], []byte(coinb1)); err != nil {
		return err
	}
	if n.coinb2, err = hex.AppendDecode(n.coinb2[:0], []byte(coinb2)); err != nil {
		return err
	}
	if err := prevHash(&n.prevHash, []byte(prev)); err != nil {
		return err
	}
	n.branches = n.branches[:0]
	for _, b := range branches {
		var h [32]byte
		digits, _ := b.(string)
		if _, err := hex.Decode(h[:], []byte(digits)); err != nil || len(digits) != 64 {
			return errShape
		}
		n.branches = append(n.branches, h)
	}
	return words(word{[]byte(version), &n.version}, word{[]byte(nbits), &n.nbits}, word{[]byte(ntime), &n.ntime})
}

func fastjsonParser() parser {
	var (
		p  fastjson.Parser
		sh submit
		n  notify
	)
	params := func(line []byte, method string) ([]*fastjson.Value, error) {
		v, err := p.ParseBytes(line)
		if err != nil {
			return nil, err
		}
		if v.Get("id") == nil || string(v.GetStringBytes("method")) != method {
			return nil, errShape
		}
		return v.GetArray("params"), nil
	}
	return parser{
		name: "fastjson",
		split: func(line []byte) error {
			_, err := p.ParseBytes(line)
			return err
		},
		subscribe: func(line []byte) error {
			_, err := params(line, "mining.subscribe")
			return err
		},
		submit: func(line []byte) error {
			a, err := params(line, "mining.submit")
			if err != nil {
				return err
			}
			if len(a) < 5 || a[0].GetStringBytes() == nil || a[1].GetStringBytes() == nil {
				return errShape
			}
			if sh.extranonce2, err = work.ParseExtranonce(a[2].GetStringBytes()); err != nil {
				return err
			}
			if err := words(word{a[3].GetStringBytes(), &sh.ntime}, word{a[4].GetStringBytes(), &sh.nonce}); err != nil || len(a) == 5 {
				return err
			}
			return words(word{a[5].GetStringBytes(), &sh.bits})
		},
		notify: func(line []byte) error {
			a, err := params(line, "mining.notify")
			if err != nil {
				return err
			}
			if len(a) < 9 || a[0].GetStringBytes() == nil {
				return errShape
			}
			if n.coinb1, err = hex.AppendDecode(n.coinb1[:0], a[2].GetStringBytes()); err != nil {
				return err
			}
			if n.coinb2, err = hex.AppendDecode(n.coinb2[:0], a[3].GetStringBytes()); err != nil {
				return err
			}
			if err := prevHash(&n.prevHash, a[1].GetStringBytes()); err != nil {
				return err
			}
			n.branches = n.branches[:0]
			for _, b := range a[4].GetArray() {
				var h [32]byte
				if _, err := hex.Decode(h[:], b.GetStringBytes()); err != nil {
					return err
				}
				n.branches = append(n.branches, h)
			}
			n.clean = a[8].GetBool()
			return words(word{a[5].GetStringBytes(), &n.version}, word{a[6].GetStringBytes(), &n.nbits}, word{a[7].GetStringBytes(), &n.ntime})
		},
	}
}

func prevHash(dst *[32]byte, digits []byte) error {
	if _, err := hex.Decode(dst[:], digits); err != nil {
		return err
	}
	for w := dst[:]; len(w) > 0; w = w[4:] {
		binary.LittleEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
	return nil
}

// words reads fields of eight hex digits.
func words(fields ...word) error {
	var buf [4]byte
	for _, f := range fields {
		if len(f.digits) != 8 {
			return errShape
		}
		if _, err := hex.Decode(buf[:], f.digits); err != nil {
			return err
		}
		*f.to = binary.BigEndian.Uint32(buf[:])
	}
	return nil
}

// word is one of them, and where it goes.
type word struct {
	digits []byte
	to     *uint32
}
