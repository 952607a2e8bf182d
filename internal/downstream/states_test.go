package downstream_test

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/downstream"
)

// Every message in every state. What is legal is answered, what is not is
// refused by its own code, and no pair ends the connection.
func TestEveryMessageInEveryState(t *testing.T) {
	const (
		submit  = `{"id":9,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02"]}`
		other   = `{"id":9,"method":"mining.submit","params":["v","00000001","00000000","504e86ed","b2957c02"]}`
		rolling = `{"id":9,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`
	)
	states := []downstream.State{downstream.Connected, downstream.Subscribed, downstream.Authorized, downstream.Mining}
	same := func(line string) [4]string { return [4]string{line, line, line, line} }
	yes, no := same(ok("9")), same(failed("9", "20", "Unsupported method"))
	welcome := `{"id":9,` + subscribed
	tests := []struct {
		message string
		// want is the reply in each of the states; empty is none.
		want [4]string
	}{
		{submit, [4]string{failed("9", "25", "Not subscribed"), failed("9", "24", "Unauthorized worker"), failed("9", "25", "Not subscribed"), ok("9")}},
		{other, [4]string{failed("9", "25", "Not subscribed"), failed("9", "24", "Unauthorized worker"), failed("9", "25", "Not subscribed"), failed("9", "24", "Unauthorized worker")}},
		{`{"id":9,"method":"mining.subscribe","params":[]}`, same(welcome)},
		{`{"id":9,"method":"mining.authorize","params":["u","x"]}`, yes},
		{`{"id":9,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`, same(rolling)},
		{`{"id":9,"method":"mining.extranonce.subscribe","params":[]}`, yes},
		{`{"id":9,"method":"mining.suggest_difficulty","params":[1024]}`, yes},
		{`{"id":null,"method":"mining.suggest_difficulty","params":[1024]}`, same("")},
		{`{"id":9,"method":"mining.suggest_target","params":["00000000ffff0000000000000000000000000000000000000000000000000000"]}`, yes},
		{`{"id":9,"method":"mining.get_transactions","params":["00000001"]}`, same(`{"id":9,"result":[],"error":null}`)},
		{`{"id":9,"method":"mining.multi_version","params":[4]}`, yes},
		{`{"id":null,"method":"mining.capabilities","params":[{}]}`, same("")},
		{`{"id":9,"method":"mining.hashes_done","params":[]}`, yes},
		{`{"method":"mining.hashes_done","params":[]}`, same("")},
		{`{"id":9,"method":"mining.ping","params":[]}`, same(`{"id":9,"result":"pong","error":null}`)},
		{`{"id":9,"method":"pong","params":[]}`, same("")},
		{`{"id":9,"result":"cgminer/4.11.1","error":null}`, same("")},
		{`{"id":9,"result":null,"error":[20,"what?",null]}`, same("")},
		{`{"id":9,"method":"mining.notify","params":[]}`, no},
		{`{"id":9,"method":"mining.set_difficulty","params":[1]}`, no},
		{`{"id":9,"method":"mining.set_extranonce","params":["00",4]}`, no},
		{`{"id":9,"method":"mining.set_version_mask","params":["1fffe000"]}`, no},
		{`{"id":9,"method":"client.reconnect","params":["evil.example",3333,0]}`, no},
		{`{"id":9,"method":"client.get_version","params":[]}`, no},
		{`{"id":9,"method":"client.show_message","params":["hello"]}`, no},
		{`{"id":9,"method":"mining.node","params":[]}`, no},
		{`{"id":9,"method":"mining.passthrough","params":[]}`, no},
		{`{"id":9,"method":"eth_submitLogin","params":["0x0"]}`, no},
		{`{"id":9,"method":"login","params":{"login":"x"}}`, no},
		{`{"id":9,"method":"","params":[]}`, no},
		{`{"id":null,"method":"mining.remote","params":[]}`, same("")},
	}
	for _, tt := range tests {
		for i, state := range states {
			t.Run(state.String()+" "+tt.message, func(t *testing.T) {
				m := inState(t, state)
				if err := m.try(tt.message); err != nil {
					t.Fatalf("ended: %v", err)
				}
				var replies []string
				for _, line := range m.take() {
					if !strings.HasPrefix(line, `{"id":null,"method"`) {
						replies = append(replies, line)
					}
				}
				if got := strings.Join(replies, "\n"); got != tt.want[i] {
					t.Errorf("reply = %s\nwant    %s", got, tt.want[i])
				}
			})
		}
	}
}

func inState(t *testing.T, state downstream.State) *miner {
	t.Helper()
	m := newMiner(t)
	if state == downstream.Subscribed || state == downstream.Mining {
		m.read(`{"id":1,"method":"mining.subscribe","params":[]}`)
	}
	if state == downstream.Authorized || state == downstream.Mining {
		m.read(`{"id":2,"method":"mining.authorize","params":["u","x"]}`)
	}
	if got := m.s.Info().State; got != state {
		t.Fatalf("state = %v, want %v", got, state)
	}
	m.take()
	return m
}

func TestStateNames(t *testing.T) {
	for state, want := range map[downstream.State]string{
		downstream.Connected: "connected", downstream.Subscribed: "subscribed",
		downstream.Authorized: "authorized", downstream.Mining: "mining", 99: "unknown",
	} {
		if state.String() != want {
			t.Errorf("state %d = %q, want %q", state, state, want)
		}
	}
	for class, want := range map[downstream.Class]string{
		downstream.Reply: "reply", downstream.Setting: "setting",
		downstream.Job: "job", downstream.CleanJob: "clean_job", downstream.Gate: "gate", 99: "unknown",
	} {
		if class.String() != want {
			t.Errorf("class %d = %q, want %q", class, class, want)
		}
	}
}
