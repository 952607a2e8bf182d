package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/guard/bans"
)

const (
	// perMessage is how many elements a message has at the most: the length of a
	// list in it is 16 bits.
	perMessage = 256
	// buffer is the room for what is written at a time, all of it one transaction.
	buffer = 8 << 20
)

// Filter is the table. Any number of goroutines may use it.
type Filter struct {
	mu    sync.Mutex // guards what follows
	conn  *nftables.Conn
	table *nftables.Table
	ports *nftables.Set
	four  *nftables.Set
	six   *nftables.Set
	// watched are the ports that the table has, or will have when it is made again.
	watched []uint16
}

// Open makes the table, in place of one of that name that was left. Where that cannot
// be it is an [*UnavailableError].
func Open(cfg Config) (*Filter, error) {
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error { return c.SetWriteBuffer(buffer) }))
	if err != nil {
		return nil, &UnavailableError{err}
	}
	f := &Filter{conn: conn, table: &nftables.Table{Name: cfg.Table, Family: nftables.TableFamilyINet}, watched: cfg.Ports}
	if err := f.build(); err != nil {
		_ = conn.CloseLasting() // the error before it says what is wrong
		return nil, &UnavailableError{err}
	}
	return f, nil
}

// build makes all that is in the table, in one transaction.
func (f *Filter) build() error {
	// To delete what is not there is an error, so it is made first.
	f.conn.AddTable(f.table)
	f.conn.DelTable(f.table)
	f.conn.AddTable(f.table)
	f.ports = &nftables.Set{Table: f.table, Name: "ports", KeyType: nftables.TypeInetService}
	f.four = &nftables.Set{Table: f.table, Name: "banned4", KeyType: nftables.TypeIPAddr, Interval: true, HasTimeout: true}
	f.six = &nftables.Set{Table: f.table, Name: "banned6", KeyType: nftables.TypeIP6Addr, Interval: true, HasTimeout: true}
	for _, set := range []*nftables.Set{f.ports, f.four, f.six} {
		if err := f.conn.AddSet(set, nil); err != nil {
			return fmt.Errorf("set %s: %w", set.Name, err)
		}
	}
	if err := f.add(f.ports, portElements(f.watched)); err != nil {
		return err
	}
	accept := nftables.ChainPolicyAccept
	chain := f.conn.AddChain(&nftables.Chain{
		Name: "input", Table: f.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
	f.rule(chain, unix.NFPROTO_IPV4, f.four, &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4})
	f.rule(chain, unix.NFPROTO_IPV6, f.six, &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 8, Len: 16})
	return f.conn.Flush()
}

// rule drops what comes from a set to the ports.
func (f *Filter) rule(chain *nftables.Chain, family byte, from *nftables.Set, source *expr.Payload) {
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Lookup{SourceRegister: 1, SetName: f.ports.Name, SetID: f.ports.ID},
		source,
		&expr.Lookup{SourceRegister: 1, SetName: from.Name, SetID: from.ID},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
}

// add adds elements to a set, when what is written is flushed.
func (f *Filter) add(set *nftables.Set, elements []nftables.SetElement) error {
	for some := range slices.Chunk(elements, perMessage) {
		if err := f.conn.SetAddElements(set, some); err != nil {
			return fmt.Errorf("set %s: %w", set.Name, err)
		}
	}
	return nil
}

func portElements(ports []uint16) []nftables.SetElement {
	ports = slices.Compact(slices.Sorted(slices.Values(ports)))
	all := make([]nftables.SetElement, 0, len(ports))
	for _, port := range ports {
		all = append(all, nftables.SetElement{Key: binary.BigEndian.AppendUint16(nil, port)})
	}
	return all
}

func spanElements(of []span) []nftables.SetElement {
	all := make([]nftables.SetElement, 0, 2*len(of))
	for _, s := range of {
		all = append(all, nftables.SetElement{Key: s.first.AsSlice(), Timeout: s.timeout})
		if s.end.IsValid() {
			all = append(all, nftables.SetElement{Key: s.end.AsSlice(), IntervalEnd: true})
		}
	}
	return all
}

// Drop implements [bans.Dropper]: all of it at once. With more than there is room for
// the error has [ErrTooMany] in it, and the kernel has the rest. A table that somebody
// else has taken away, as `nft flush ruleset` does, is made again.
func (f *Filter) Drop(now time.Time, all []bans.Dropped) error {
	four, most4 := spans(all, false, now)
	six, most6 := spans(all, true, now)
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.drop(four, six)
	if errors.Is(err, unix.ENOENT) {
		if err = f.build(); err == nil {
			err = f.drop(four, six)
		}
	}
	if err != nil {
		return fmt.Errorf("telling the kernel of %d networks: %w", len(four)+len(six), err)
	}
	if most4 != nil {
		return most4
	}
	return most6
}

// drop puts these in place of what the sets have. f.mu is held.
func (f *Filter) drop(four, six []span) error {
	f.conn.FlushSet(f.four)
	f.conn.FlushSet(f.six)
	if err := f.add(f.four, spanElements(four)); err != nil {
		return err
	}
	if err := f.add(f.six, spanElements(six)); err != nil {
		return err
	}
	return f.conn.Flush()
}

// SetPorts has these ports watched, and no others.
func (f *Filter) SetPorts(ports []uint16) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watched = ports
	f.conn.FlushSet(f.ports)
	if err := f.add(f.ports, portElements(ports)); err != nil {
		return err
	}
	if err := f.conn.Flush(); err != nil {
		return fmt.Errorf("telling the kernel of %d ports: %w", len(ports), err)
	}
	return nil
}

// Close takes the table away. The filter cannot be used after it.
func (f *Filter) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.DelTable(f.table)
	err := f.conn.Flush()
	if errors.Is(err, unix.ENOENT) { // somebody else has taken it away
		err = nil
	}
	if closed := f.conn.CloseLasting(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("taking table %s from the kernel: %w", f.table.Name, err)
	}
	return nil
}
