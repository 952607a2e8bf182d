package view

import "time"

// Setting is a key of the configuration and what it is.
type Setting struct {
	Key   string `json:"key" doc:"The key, with names of pools, routes and listeners in brackets"`
	Value string `json:"value" doc:"The value in place, as the file would have it; secrets are stars"`
	From  string `json:"from" enum:"default,file,override" doc:"Where it came from; override: the environment or the command line"`
	By    string `json:"by" doc:"The variable or flag of an override; else empty"`
}

// Change is a key that has another value.
type Change struct {
	Key string `json:"key" doc:"The key, with names of pools, routes and listeners in brackets"`
	Old string `json:"old" doc:"The value before, as the file has it; secrets are stars, empty: there was none"`
	New string `json:"new" doc:"The value now; empty: there is none"`
}

// Applied is a configuration file that was put in place.
type Applied struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at" doc:"When it was put in place"`
	Changes []Change  `json:"changes" nullable:"false" doc:"What was different from the one before"`
}

// Configuration is GET /api/v1/configuration: what is in place, and what the file has.
type Configuration struct {
	File     string    `json:"file" doc:"The file's name as it was given; empty: there is none that can be read again"`
	Settings []Setting `json:"settings" nullable:"false" doc:"Every key, in the order of the documentation"`
	Unread   []Change  `json:"unread" nullable:"false" doc:"What the file has that is not in place: a reload would change it"`
	Problems []string  `json:"problems" nullable:"false" doc:"Why the file as it is now would not be put in place"`
}
