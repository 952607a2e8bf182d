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
	name                      string
	subscribe, submit, notify func(line []byte) error
}

// envelope is what the two reflecting libraries decode a line into.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func parsers() []parser {
	return []parser{
		sv1Parser(),
		reflecting("encoding/json", json.Unmarshal),
		reflecting("sonic", sonic.Unmarshal),
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
		name: "sv1",
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

func reflecting(name string, unmarshal func([]byte, any) error) parser {
	var (
		s submit
		n notify
	)
	params := func(line []byte, method string, into any) error {
		var e envelope
		if err := unmarshal(line, &e); err != nil {
			return err
		}
		if e.Method != method {
			return errShape
		}
		return unmarshal(e.Params, into)
	}
	return parser{
		name: name,
		subscribe: func(line []byte) error {
			var p []string
			return params(line, "mining.subscribe", &p)
		},
		submit: func(line []byte) error {
			var p []string
			if err := params(line, "mining.submit", &p); err != nil {
				return err
			}
			if len(p) != 6 {
				return errShape
			}
			s = submit{worker: p[0], jobID: p[1]}
			var err error
			if s.extranonce2, err = work.ParseExtranonce([]byte(p[2])); err != nil {
				return err
			}
			return words(word{[]byte(p[3]), &s.ntime}, word{[]byte(p[4]), &s.nonce}, word{[]byte(p[5]), &s.bits})
		},
		notify: func(line []byte) error {
			var p []json.RawMessage
			if err := params(line, "mining.notify", &p); err != nil {
				return err
			}
			return notifyFromRaw(&n, p, unmarshal)
		},
	}
}

// notifyFromRaw is the usual way to take a mixed array apart.
func notifyFromRaw(n *notify, p []json.RawMessage, unmarshal func([]byte, any) error) error {
	if len(p) < 9 {
		return errShape
	}
	var text [7]string
	for i, at := range []int{0, 1, 2, 3, 5, 6, 7} {
		if err := unmarshal(p[at], &text[i]); err != nil {
			return err
		}
	}
	var branches []string
	if err := unmarshal(p[4], &branches); err != nil {
		return err
	}
	*n = notify{jobID: text[0], branches: make([][32]byte, len(branches))}
	if err := unmarshal(p[8], &n.clean); err != nil {
		return err
	}
	var err error
	if n.coinb1, err = hex.DecodeString(text[2]); err != nil {
		return err
	}
	if n.coinb2, err = hex.DecodeString(text[3]); err != nil {
		return err
	}
	if err := prevHash(&n.prevHash, []byte(text[1])); err != nil {
		return err
	}
	for i, b := range branches {
		if _, err := hex.Decode(n.branches[i][:], []byte(b)); err != nil {
			return err
		}
	}
	return words(word{[]byte(text[4]), &n.version}, word{[]byte(text[5]), &n.nbits}, word{[]byte(text[6]), &n.ntime})
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
		subscribe: func(line []byte) error {
			_, err := params(line, "mining.subscribe")
			return err
		},
		submit: func(line []byte) error {
			a, err := params(line, "mining.submit")
			if err != nil {
				return err
			}
			if len(a) != 6 || a[0].GetStringBytes() == nil || a[1].GetStringBytes() == nil {
				return errShape
			}
			if sh.extranonce2, err = work.ParseExtranonce(a[2].GetStringBytes()); err != nil {
				return err
			}
			return words(word{a[3].GetStringBytes(), &sh.ntime}, word{a[4].GetStringBytes(), &sh.nonce}, word{a[5].GetStringBytes(), &sh.bits})
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
