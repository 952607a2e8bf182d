package sv1

import "bytes"

// Method is a known method.
type Method uint8

// The known methods.
const (
	// MethodUnknown is any other.
	MethodUnknown Method = iota

	// From a miner to a pool.

	MethodSubscribe           // mining.subscribe
	MethodAuthorize           // mining.authorize
	MethodSubmit              // mining.submit
	MethodConfigure           // mining.configure
	MethodExtranonceSubscribe // mining.extranonce.subscribe
	MethodSuggestDifficulty   // mining.suggest_difficulty
	MethodSuggestTarget       // mining.suggest_target
	MethodGetTransactions     // mining.get_transactions
	MethodCapabilities        // mining.capabilities
	MethodHashesDone          // mining.hashes_done

	// Either way.

	MethodMultiVersion // mining.multi_version
	MethodPing         // mining.ping
	MethodPong         // pong, mining.pong

	// From a pool to a miner.

	MethodNotify         // mining.notify
	MethodSetDifficulty  // mining.set_difficulty
	MethodSetExtranonce  // mining.set_extranonce
	MethodSetVersionMask // mining.set_version_mask, and SRI's mining.set_version
	MethodSetGoal        // mining.set_goal
	MethodSetTarget      // mining.set_target
	MethodReconnect      // client.reconnect
	MethodGetVersion     // client.get_version
	MethodShowMessage    // client.show_message
)

// suggestPrefix begins the legacy form with the argument in the method.
const suggestPrefix = "mining.suggest_difficulty("

// ParseMethod names a method as [Message.Method] has it; case counts. The
// legacy form with an argument in the name, "mining.suggest_difficulty(1024)",
// is MethodSuggestDifficulty.
func ParseMethod(name []byte) Method {
	switch string(name) {
	case "mining.submit":
		return MethodSubmit
	case "mining.notify":
		return MethodNotify
	case "mining.subscribe":
		return MethodSubscribe
	case "mining.authorize":
		return MethodAuthorize
	case "mining.configure":
		return MethodConfigure
	case "mining.extranonce.subscribe":
		return MethodExtranonceSubscribe
	case "mining.suggest_difficulty":
		return MethodSuggestDifficulty
	case "mining.suggest_target":
		return MethodSuggestTarget
	case "mining.get_transactions":
		return MethodGetTransactions
	case "mining.capabilities":
		return MethodCapabilities
	case "mining.hashes_done":
		return MethodHashesDone
	case "mining.multi_version":
		return MethodMultiVersion
	case "mining.ping":
		return MethodPing
	case "pong", "mining.pong":
		return MethodPong
	}
	return parsePoolMethod(name)
}

// parsePoolMethod names what a pool sends, but for the most frequent.
func parsePoolMethod(name []byte) Method {
	switch string(name) {
	case "mining.set_difficulty":
		return MethodSetDifficulty
	case "mining.set_extranonce":
		return MethodSetExtranonce
	case "mining.set_version_mask", "mining.set_version":
		return MethodSetVersionMask
	case "mining.set_goal":
		return MethodSetGoal
	case "mining.set_target":
		return MethodSetTarget
	case "client.reconnect":
		return MethodReconnect
	case "client.get_version":
		return MethodGetVersion
	case "client.show_message":
		return MethodShowMessage
	}
	if bytes.HasPrefix(name, []byte(suggestPrefix)) {
		return MethodSuggestDifficulty
	}
	return MethodUnknown
}

// String is the method's name on the wire.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return methodNames[MethodUnknown]
}

var methodNames = [...]string{ //nolint:gochecknoglobals // a table
	MethodUnknown:             "unknown",
	MethodSubscribe:           "mining.subscribe",
	MethodAuthorize:           "mining.authorize",
	MethodSubmit:              "mining.submit",
	MethodConfigure:           "mining.configure",
	MethodExtranonceSubscribe: "mining.extranonce.subscribe",
	MethodSuggestDifficulty:   "mining.suggest_difficulty",
	MethodSuggestTarget:       "mining.suggest_target",
	MethodGetTransactions:     "mining.get_transactions",
	MethodCapabilities:        "mining.capabilities",
	MethodHashesDone:          "mining.hashes_done",
	MethodMultiVersion:        "mining.multi_version",
	MethodPing:                "mining.ping",
	MethodPong:                "pong",
	MethodNotify:              "mining.notify",
	MethodSetDifficulty:       "mining.set_difficulty",
	MethodSetExtranonce:       "mining.set_extranonce",
	MethodSetVersionMask:      "mining.set_version_mask",
	MethodSetGoal:             "mining.set_goal",
	MethodSetTarget:           "mining.set_target",
	MethodReconnect:           "client.reconnect",
	MethodGetVersion:          "client.get_version",
	MethodShowMessage:         "client.show_message",
}
