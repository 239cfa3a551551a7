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
package bolt
