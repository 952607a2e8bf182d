package httpapi

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
)

// Media types of exports.
const (
	csvKind     = "text/csv; charset=utf-8; header=present"
	parquetKind = "application/vnd.apache.parquet"
)

const (
	// groupRows is how many rows are together in a row group of parquet, which is
	// what is in memory; batchRows is how many are handed over at a time.
	groupRows = 20_000
	batchRows = 500
)

// sink takes rows of one kind.
type sink[T any] interface {
	add(row T) error
	// end completes the file.
	end() error
}

// sinks makes sinks of a format.
type sinks struct {
	out    io.Writer
	format string
}

// export sends the rows that each yields to a sink of their kind.
func export[T any](s sinks, each func(add func(T) error) error) error {
	to := newSink[T](s)
	if err := each(to.add); err != nil {
		return err
	}
	return to.end()
}

func newSink[T any](s sinks) sink[T] {
	if s.format == "parquet" {
		return &parquetSink[T]{out: parquet.NewGenericWriter[T](s.out,
			parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(groupRows), parquet.CreatedBy("loka", "", ""))}
	}
	return &csvSink[T]{out: csv.NewWriter(s.out)}
}

// parquetSink writes parquet.
type parquetSink[T any] struct {
	out   *parquet.GenericWriter[T]
	batch []T
}

func (p *parquetSink[T]) add(row T) error {
	p.batch = append(p.batch, row)
	if len(p.batch) < batchRows {
		return nil
	}
	return p.flush()
}

func (p *parquetSink[T]) flush() error {
	_, err := p.out.Write(p.batch)
	p.batch = p.batch[:0]
	return err
}

func (p *parquetSink[T]) end() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.out.Close()
}

// csvSink writes CSV: the columns are those of parquet, by its tags, but for those
// with csv:"-".
type csvSink[T any] struct {
	out    *csv.Writer
	begun  bool
	record []string
}

func (c *csvSink[T]) add(row T) error {
	if err := c.begin(); err != nil {
		return err
	}
	c.record = c.record[:0]
	for f, v := range reflect.ValueOf(row).Fields() {
		if column(f) != "" {
			c.record = append(c.record, cell(v))
		}
	}
	return c.out.Write(c.record)
}

// begin writes the line of names.
func (c *csvSink[T]) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	for f := range reflect.TypeFor[T]().Fields() {
		if name := column(f); name != "" {
			c.record = append(c.record, name)
		}
	}
	return c.out.Write(c.record)
}

func (c *csvSink[T]) end() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.out.Flush()
	return c.out.Error()
}

// column is the name of a field's column in CSV; empty: it has none.
func column(f reflect.StructField) string {
	if f.Tag.Get("csv") == "-" {
		return ""
	}
	name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
	return name
}

// cell is a value in CSV.
func cell(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return harmless(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case decimal:
		return x.String()
	case uint64:
		return strconv.FormatUint(x, 10)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(x)
	}
	return fmt.Sprint(v.Interface())
}

// harmless keeps a spreadsheet from taking other people's text for a formula: one
// that begins as formulas do has an apostrophe before it.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
