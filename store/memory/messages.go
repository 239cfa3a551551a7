package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"glassmail/mail"
	"glassmail/mailbox"
)

// maxGone bounds the tombstones of a folder; half of them go when it is reached.
const maxGone = 8192

func number(id mail.ContentID) uint64 {
	n, _ := strconv.ParseUint(string(id), 16, 64)
	return n
}

func (s *Store) folder(id mailbox.FolderID) (*folder, error) {
	f := s.folders[id]
	if f == nil {
		return nil, fmt.Errorf("folder %d: %w", id, mailbox.ErrNotFound)
	}
	return f, nil
}

// at is the place of a UID, or of the next after it.
func (f *folder) at(uid mailbox.UID) int {
	i, _ := slices.BinarySearchFunc(f.msgs, uid, func(m mailbox.Message, u mailbox.UID) int { return cmp.Compare(m.UID, u) })
	return i
}

// put appends a message under the next UID and counts it.
func (f *folder) put(m mailbox.Message) mailbox.Appended {
	m.UID = f.UIDNext
	f.UIDNext++
	f.msgs = append(f.msgs, m)
	f.Messages++
	f.count(m.Flags, m.Size, 1)
	return mailbox.Appended{Folder: f.ID, UIDValidity: f.UIDValidity, UID: m.UID, ModSeq: m.ModSeq}
}

// count adds or takes away one message's part of the counters.
func (f *folder) count(flags mailbox.Flags, size int64, by int) {
	f.Size += size * int64(by)
	if flags&mailbox.Seen == 0 {
		f.Unseen += uint32(by)
	}
	if flags&mailbox.Deleted != 0 {
		f.Deleted += uint32(by)
	}
}

// learn returns keywords in the spelling of the folder, which keeps those that are
// new to it. Those beyond its limit are left out.
func (f *folder) learn(ks []string) []string {
	var known []string
	for _, k := range ks {
		i := slices.IndexFunc(f.Keywords, func(x string) bool { return strings.EqualFold(x, k) })
		if i < 0 && len(f.Keywords) == mailbox.MaxKeywords {
			continue
		}
		if i < 0 {
			i = len(f.Keywords)
			f.Keywords = append(f.Keywords, k)
		}
		if !slices.Contains(known, f.Keywords[i]) {
			known = append(known, f.Keywords[i])
		}
	}
	slices.SortFunc(known, func(a, b string) int {
		return cmp.Compare(slices.Index(f.Keywords, a), slices.Index(f.Keywords, b))
	})
	return known
}

// room reports whether the folder can keep these keywords too.
func (f *folder) room(lists ...[]string) bool {
	n := len(f.Keywords)
	var fresh []string
	same := func(k string) func(string) bool { return func(x string) bool { return strings.EqualFold(x, k) } }
	for _, l := range lists {
		for _, k := range l {
			if !slices.ContainsFunc(f.Keywords, same(k)) && !slices.ContainsFunc(fresh, same(k)) {
				fresh = append(fresh, k)
			}
		}
	}
	return n+len(fresh) <= mailbox.MaxKeywords
}

// thin forgets the oldest tombstones when there are too many.
func (f *folder) thin() {
	if len(f.gone) <= maxGone {
		return
	}
	cut := len(f.gone) - maxGone/2
	f.floor = f.gone[cut-1].mod
	for cut < len(f.gone) && f.gone[cut].mod == f.floor {
		cut++
	}
	f.gone = slices.Clone(f.gone[cut:])
}

func (f *folder) notify() {
	for c := range f.watch {
		poke(c)
	}
}

// Messages yields copies in UID order.
func (s *Store) Messages(ctx context.Context, id mailbox.FolderID, r mailbox.Range) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		for from, more := r.From, true; more; {
			var batch []mailbox.Message
			var err error
			if batch, from, more, err = s.batch(ctx, id, from, r.Since); err != nil {
				yield(mailbox.Message{}, err)
				return
			}
			for _, m := range batch {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

// batch copies the next messages and says where to go on.
func (s *Store) batch(ctx context.Context, id mailbox.FolderID, from mailbox.UID, since mailbox.ModSeq) ([]mailbox.Message, mailbox.UID, bool, error) {
	if err := s.enter(ctx); err != nil {
		return nil, 0, false, err
	}
	defer s.mu.Unlock()
	f, err := s.folder(id)
	if err != nil {
		return nil, 0, false, err
	}
	var batch []mailbox.Message
	for _, m := range f.msgs[f.at(from):] {
		if len(batch) == 1024 {
			return batch, m.UID, true, nil
		}
		if m.ModSeq > since {
			batch = append(batch, m)
		}
	}
	return batch, 0, false, nil
}

// Since reports what happened after a mod-sequence.
func (s *Store) Since(ctx context.Context, id mailbox.FolderID, m mailbox.ModSeq) (mailbox.Delta, error) {
	if err := s.enter(ctx); err != nil {
		return mailbox.Delta{}, err
	}
	defer s.mu.Unlock()
	f, err := s.folder(id)
	if err != nil {
		return mailbox.Delta{}, err
	}
	d := mailbox.Delta{ModSeq: f.ModSeq, UIDNext: f.UIDNext, Gap: m < f.floor}
	if m >= f.ModSeq {
		return d, nil
	}
	for _, x := range f.msgs {
		if x.ModSeq > m {
			d.Changed = append(d.Changed, x)
		}
	}
	for _, t := range f.gone {
		if t.mod > m {
			d.Expunged = append(d.Expunged, t.uid)
		}
	}
	slices.Sort(d.Expunged)
	return d, nil
}

// Watch receives after changes to the folder; of a folder that is not there it
// receives once.
func (s *Store) Watch(ctx context.Context, id mailbox.FolderID) <-chan struct{} {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[id]
	if f == nil || s.closed {
		c <- struct{}{}
		return c
	}
	f.watch[c] = struct{}{}
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(f.watch, c)
	})
	return c
}
