package profile

// Walk is whose way a step belongs to.
type Walk string

// The walks.
const (
	Share Walk = "share"
	Job   Walk = "job"
)

// Step is one step of a walk.
type Step uint8

// The steps of a share, in the order that they are taken. Each begins where the one
// before ends; [PoolAnswer] goes on while the miner has its reply already.
const (
	ShareRead Step = iota
	ShareDecode
	SharePipeline
	ShareJudge
	ShareLedger
	ShareForward
	ShareAnswer
	ShareWrite
	PoolAnswer
)

// The steps of a job. Those up to [JobMake] follow each other; the others are parts of
// its way to the miners, [JobFirst] and [JobLast] all of it.
const (
	JobRead Step = PoolAnswer + 1 + iota
	JobParse
	JobMake
	JobWait
	JobRender
	JobGive
	JobFirst
	JobLast

	numSteps = JobLast + 1
)

// Sampling says which of the steps taken are timed.
type Sampling uint8

// The samplings.
const (
	// Always: all are.
	Always Sampling = iota
	// ByRead: those of one read of a miner's connection in so many.
	ByRead
	// ByBatch: the first of each batch of miners that are given a job.
	ByBatch
)

// Facts are what is known of a step.
type Facts struct {
	Walk Walk
	Name string
	// Says is from what to what it goes, in words.
	Says     string
	Sampling Sampling
}

// table has the steps in their order.
//
//nolint:gochecknoglobals // a table
var table = [numSteps]Facts{
	ShareRead:     {Share, "read", "from the end of the read from the miner's socket until its line is handled; lines of the same read that are before it are part of it", ByRead},
	ShareDecode:   {Share, "decode", "until the session has made a request of the line", ByRead},
	SharePipeline: {Share, "pipeline", "until all middlewares have let it through", ByRead},
	ShareJudge:    {Share, "judge", "until there is a verdict; in dedicated mode, until it is known how to relay it", ByRead},
	ShareLedger:   {Share, "ledger", "until it is in the books; in dedicated mode this comes with the pool's answer and is not timed", ByRead},
	ShareForward:  {Share, "forward", "until it was handed to the pool's connection, by those that are", ByRead},
	ShareAnswer:   {Share, "answer", "until the reply to the miner is made", ByRead},
	ShareWrite:    {Share, "write", "until the reply is written to the miner's socket, with those to other lines of the same read", ByRead},
	PoolAnswer:    {Share, "pool", "from its sending to the pool until the pool's answer; late answers are not counted", Always},

	JobRead:   {Job, "read", "from the end of the read from the pool's socket until its line is handled", Always},
	JobParse:  {Job, "parse", "until the session has made a job of the line, and checked it", Always},
	JobMake:   {Job, "make", "from there until there is work of it, in the books and on its way to the miners, for one group of them", Always},
	JobWait:   {Job, "wait", "from there until the first miner's turn", Always},
	JobRender: {Job, "render", "making the line that the miners are sent, for all of them together; until the first of them has it", Always},
	JobGive:   {Job, "give", "giving the job to one miner: its difficulty, its line, the write to its socket", ByBatch},
	JobFirst:  {Job, "first_write", "from the pool's line until the first miner of a group has it", Always},
	JobLast:   {Job, "last_write", "from the pool's line until the last miner of a group has it", Always},
}

// Facts returns what is known of the step.
func (s Step) Facts() Facts {
	if s >= numSteps {
		return Facts{}
	}
	return table[s]
}

// Steps returns all steps in their order.
func Steps() []Step {
	all := make([]Step, numSteps)
	for i := range all {
		all[i] = Step(i) //nolint:gosec // there are few
	}
	return all
}
