package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What a new password costs to hash, and to guess: argon2id with the parameters
// that OWASP recommends for servers with little memory.
const (
	hashMemory  = 19 << 10 // KiB
	hashTime    = 2
	hashThreads = 1
	hashSalt    = 16
	hashKey     = 32
)

// Limits of a stored hash: what somebody else's hash may ask of this machine.
const (
	maxHashMemory = 256 << 10 // KiB
	maxHashTime   = 16
	maxHashLanes  = 16
	maxHashBytes  = 128 // of salt and of key
)

// MaxPassword is the longest password in bytes. Longer ones never match.
const MaxPassword = 1024

var errHash = errors.New("stored password is not an argon2id hash")

// HashPassword returns what Account.Password keeps of a password: an argon2id
// hash in the usual notation, $argon2id$v=19$m=…,t=…,p=…$salt$key. It takes 19
// MiB of memory and tens of milliseconds. It is an error if the password is
// empty or longer than MaxPassword.
func HashPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > MaxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes", MaxPassword)
	}
	h := passwordHash{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, hashSalt)}
	if _, err := rand.Read(h.salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	h.key = h.derive(password, hashKey)
	return h.String(), nil
}

// CheckPassword reports whether a password belongs to what HashPassword made of
// it. A locked account, whose hash is "", has no password. It is an error if
// stored is no hash. It takes as much memory and time as the hash says; see
// Verifier for many at once.
func CheckPassword(stored, password string) (bool, error) {
	if stored == "" || len(password) > MaxPassword {
		return false, nil
	}
	h, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(h.derive(password, len(h.key)), h.key) == 1, nil
}

// passwordHash is an argon2id hash with its parameters.
type passwordHash struct {
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, key    []byte
}

func (h *passwordHash) derive(password string, size int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(size))
}

func (h *passwordHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

func parseHash(s string) (passwordHash, error) {
	var h passwordHash
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) || !h.parseCost(f[3]) {
		return h, errHash
	}
	var ok bool
	if h.salt, ok = hashBytes(f[4], 8); !ok {
		return h, errHash
	}
	if h.key, ok = hashBytes(f[5], 16); !ok {
		return h, errHash
	}
	return h, nil
}

// parseCost reads m=…,t=…,p=….
func (h *passwordHash) parseCost(s string) bool {
	var n [3]uint32
	f := strings.Split(s, ",")
	if len(f) != len(n) {
		return false
	}
	for i, limit := range [...]struct {
		key string
		max uint64
	}{{"m=", maxHashMemory}, {"t=", maxHashTime}, {"p=", maxHashLanes}} {
		digits, ok := strings.CutPrefix(f[i], limit.key)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || v == 0 || v > limit.max {
			return false
		}
		n[i] = uint32(v)
	}
	h.memory, h.time, h.threads = n[0], n[1], uint8(n[2])
	return true
}

func hashBytes(s string, least int) ([]byte, bool) {
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil && len(b) >= least && len(b) <= maxHashBytes
}
