package logins

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// maxRemembered bounds each of the two memories.
const maxRemembered = 1 << 16

// memory remembers what was found out about secrets, as their HMAC under a key that
// does not leave the process. It is bounded: what is forgotten is derived anew.
type memory struct {
	key [sha256.Size]byte
	// most bounds each of the two.
	most int

	mu sync.Mutex
	// right are hashes with their secrets, wrong hashes and logins with what is not
	// theirs.
	right, wrong map[mark]struct{}
}

// mark stands for two texts.
type mark [sha256.Size]byte

func newMemory() *memory {
	m := &memory{most: maxRemembered, right: make(map[mark]struct{}), wrong: make(map[mark]struct{})}
	_, _ = rand.Read(m.key[:]) // crypto/rand.Read never fails
	return m
}

// mark is that of two texts.
func (m *memory) mark(a, b string) (out mark) {
	mac := hmac.New(sha256.New, m.key[:])
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(a)))
	_, _ = mac.Write(size[:])
	_, _ = mac.Write([]byte(a))
	_, _ = mac.Write([]byte(b))
	mac.Sum(out[:0])
	return out
}

// knows says that a secret is right for a hash, or wrong for a login.
func (m *memory) knows(right, wrong mark) (isRight, isWrong bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, isRight = m.right[right]
	_, isWrong = m.wrong[wrong]
	return isRight, isWrong && !isRight
}

// learn remembers what was found out.
func (m *memory) learn(right, wrong mark, isRight bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if isRight {
		m.put(m.right, right)
	} else {
		m.put(m.wrong, wrong)
	}
}

// put puts a mark in, in the place of any other one where there is no room.
func (m *memory) put(into map[mark]struct{}, one mark) {
	if len(into) >= m.most {
		for other := range into {
			delete(into, other)
			break
		}
	}
	into[one] = struct{}{}
}
