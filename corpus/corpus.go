// Package corpus turns what a user names (files, folders, globs, standard
// input) into documents, documents into token ids, and ids into the batches of
// a run. It knows no model and no training.
//
// The way of the data:
//
//	paths → Files → Documents → Split → Encode → WriteShard/OpenShards → Loader → (B, T) ids
//
// Letters: B rows of a batch, T ids of a row (the context), N ids of a corpus.
//
// Nothing is cut or left out silently: a binary file, a malformed line or an
// empty source is an error that names it, and what a folder holds but is not
// read (hidden names, links to folders) is listed for the caller to report.
//
// The example of the package leads from text to a batch.
package corpus

// A Document is one text: a file, or a record of a JSON-lines file.
type Document struct {
	Name string // path, "-" for standard input, path:line for a record
	Text string // valid UTF-8 without NUL bytes
}

// Bytes is the length of all texts together.
func Bytes(docs []Document) (n int64) {
	for _, d := range docs {
		n += int64(len(d.Text))
	}
	return n
}
