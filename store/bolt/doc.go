// Package bolt is the store of a node in one folder: a journal of accepted
// messages, a bbolt index of everything else, and files for large texts.
//
// # Files
//
//	lock               held while a process has the store open; says which
//	journal/*.seg      segments of at most 64 MiB, append only: a header (segment.go), then frames (frame.go)
//	blobs/*.eml        one message text each, of those larger than 256 KiB, exactly as it was accepted
//	index.db           one bbolt file
//
// A frame is one accepted message: who it is for, the record that the scanner made
// of it, and its text, or the number of the file that has it. Frames are numbered
// without gaps (LSN); an accepted message's number is its ContentID.
//
// # Index
//
// Numbers in keys are big-endian; rows are of fixed binary layout (rows.go).
//
//	meta      format, name of the store, checkpoint, folder number, UIDVALIDITY and file number given out last
//	account   address → quota, password, time
//	alias     address → targets
//	name      user 0 folder name → folder number, subscribed, special use
//	box       folder 10 uid → message: flags, keywords, mod-sequence, date, size, text
//	          folder 20 mod-sequence uid → UIDs expunged by one change
//	          folder ff → counters, UIDVALIDITY, UIDNEXT, mod-sequence, owner, keywords
//	body      number → where the text is, its checksum, how many refer to it
//	blob      file number → text
//	segment   segment → bytes in it that texts of the index take
//	queue     message 00 → sender, options, time; message 01 index → recipient, due, attempts, last reply
//	id        number → the acceptance's ID and where its copies went
//	doomed    folder → a deleted folder whose messages are still to be removed
//
// # The life of a message
//
//	              in memory or own file   frame durable   rows in the index   a reader sees it
//	staged        yes
//	accepted      own file, flushed       yes                                                    ← 250
//	visible                               yes             yes                 yes
//	moved                                 two             one place named     yes
//	expunged                              until compaction                    no
//
// Two goroutines carry operations. The first (runJournal) gathers what waits into
// a group, appends its frames with one write and makes them durable with one
// flush: the instant at which responsibility passes. The second (runIndex) brings
// groups, with all other changes, in their order into the index, several groups in
// one commit, some milliseconds later or at once if somebody waits. A third
// (runPurge) removes what deleted folders left and compacts the journal.
//
// # What holds at any instant
//
//   - The index is the journal up to the checkpoint, together with all acknowledged
//     changes that have no frame. Frames beyond the checkpoint are brought in when
//     the store is opened; they make the same rows as they would have made.
//   - A text that a row names is durable where the row says. Its segment is removed
//     only when no row names anything in it and the checkpoint is beyond it.
//   - The references of a text are its messages, those in doomed folders too, plus
//     one if recipients wait for it. A folder's counters are the sums of its rows.
//   - A frame that cannot be read was either never acknowledged, then it is at the
//     end of the last segment and no later frame says that it was flushed; or it is
//     damage, and Open says so and changes nothing; Rebuild passes over it.
//
// After a flush or a commit that failed nobody knows what the disk has: the store
// stops (ErrStopped), and opening it again finds out. A full disk that was noticed
// by a write is no such fault: the operation is undone and refused
// (mailbox.ErrFull). What was acknowledged and finds no room in the index stays in
// the journal and is tried again.
//
// # Limits
//
// A text has at most 4 GiB, a record 4 MiB, a message 50,000 recipients. The last
// 32,768 acceptances are known by their ID. A folder remembers 4,096 to 8,192
// expunged UIDs and gives out 4,294,967,294 UIDs in its life. A change is one
// commit: who changes very many messages does it in parts of some thousand, so that
// deliveries get through. Nothing is accepted when less than Options.Reserve is
// free on the disk.
//
// No read transaction of the index is held while a caller's code runs or a network
// is waited for; a reader of a text has its file open and nothing else.
//
// Files, in the order in which to read them:
//
//	store.go         the store: open, operations, close
//	options.go       how a store behaves; when an acceptance is answered
//	stage.go         a text on its way in
//	accept.go        acceptance: text and copies in one step
//	gather.go        which operations share a flush
//	commit.go        an operation's way: journal, flush, index
//	journal.go       appends frames to the newest segment
//	segment.go       a segment file
//	frame.go         a frame of the journal
//	codec.go         frames and rows as bytes
//	writer.go        a transaction of the index
//	index.go         the buckets of the index, and its file
//	rows.go          keys and rows of folders and messages
//	accounts.go      accounts and aliases
//	known.go         accounts kept in memory
//	quota.go         bytes that are accepted and not yet counted
//	folders.go       folders
//	messages.go      messages of a folder, bodies, records
//	change.go        flags, copies, expunge
//	since.go         what has changed since a MODSEQ
//	watch.go         who is told of changes
//	queue.go         waiting recipients: lease and settle
//	amend.go         the queue as an operator sees and changes it
//	ids.go           acceptances that come twice
//	replay.go        what the journal has beyond the index, at a start
//	compact.go       segments that are mostly dead
//	purge.go         what deleted folders left
//	backup.go        a copy while the store works
//	exchange.go      puts a copied index in place
//	verify.go, verifytext.go  checks everything
//	repair.go        mends counters and references
//	rebuild.go       a new index from the journal
//	inspect.go       all that the files hold about one message
//	find.go          which text an operator means
//	layout.go        the fields of frames and rows, for people
//	stats.go         counters
//	fs.go, fs_unix.go, fs_windows.go, fs_linux.go, fs_other.go  the file system
package bolt
