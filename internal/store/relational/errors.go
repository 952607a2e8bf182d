package relational

import "errors"

var (
	// errKind is a column of another kind than it should be.
	errKind = errors.New("the database has another schema")
	// errUnknown is an earning that is not there.
	errUnknown = errors.New("no such earning was entered")
	// errParts are parts that are no division of their earning.
	errParts = errors.New("the parts are not sorted by name, or do not add up to the earning")
)
