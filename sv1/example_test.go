package sv1_test

import (
	"fmt"
	"strings"

	"github.com/loka/stratum/sv1"
)

// A server reads a share and refuses it.
func Example() {
	r := sv1.NewReader(strings.NewReader(
		`{"id":4,"method":"mining.submit","params":["slush.miner1","bf","00000001","504e86ed","b2957c02"]}`+"\n"), 4096)
	line, err := r.ReadLine()
	if err != nil {
		fmt.Println(err)
		return
	}
	var m sv1.Message
	if err := m.Scan(line); err != nil {
		fmt.Println(err)
		return
	}
	if m.Kind() != sv1.KindRequest || sv1.ParseMethod(m.Method) != sv1.MethodSubmit {
		return
	}
	var share sv1.Submit
	if err := share.Decode(m.Params); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s found nonce %v for job %s\n", share.Worker, share.Nonce, share.JobID)
	fmt.Printf("%s", sv1.AppendError(nil, m.ID, sv1.CodeStale, "Job not found"))
	// Output:
	// slush.miner1 found nonce b2957c02 for job bf
	// {"id":4,"result":null,"error":[21,"Job not found",null]}
}
