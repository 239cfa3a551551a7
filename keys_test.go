package glassmail_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"glassmail/config"
)

// promises names, for each key of the configuration, the tests that hold the program to
// what the comments of config/config.go and config/example.toml say of it: package, then
// test.
func promises() map[string][]string {
	return map[string][]string{
		"domains":                        {"server TestRecipients", "config TestValidateNamesEveryKey"},
		"name":                           {"server TestKeysNameAndWording"},
		"data":                           {"e2e TestServeWithFile", "e2e TestSecondProcess", "cmd/glassmail TestPowerCutAfterFirstStart"},
		"wording":                        {"server TestKeysNameAndWording", "server/smtpd TestLecture", "server/smtpd TestPlainWording"},
		"log":                            {"e2e TestServeLog", "server TestMailLog", "maillog TestOff"},
		"listen.smtp":                    {"server TestKeysListen", "config TestReachable"},
		"listen.submission":              {"server TestKeysListen", "config TestReachable"},
		"listen.submissions":             {"server TestKeysListen", "server/smtpd TestImplicitTLS"},
		"listen.imap":                    {"server TestKeysListen", "server/imapd TestStartTLS"},
		"listen.imaps":                   {"server TestKeysListen"},
		"listen.web":                     {"cmd/glassmail TestServeShowsNothingWithoutLogin", "e2e TestHoldNeedsThePage"},
		"tls.certificate":                {"server TestKeysCertificate", "server TestKeysListen"},
		"tls.key":                        {"server TestKeysCertificate"},
		"tls.plain_login":                {"server TestPasswordsFromThisMachine", "wire TestPlainLogin", "server/smtpd TestAUTHWithoutTLS", "server/imapd TestLoginWithoutTLS", "e2e TestPasswordsOverANetwork"},
		"submission.from":                {"server TestAuthors", "server TestKeyFrom", "web/api TestSendAs"},
		"relay.resolver":                 {"cmd/glassmail TestKeyResolver", "e2e TestTwoInstances"},
		"relay.port":                     {"server TestKeysRetry"},
		"relay.tls":                      {"server TestKeysRelayTLS", "queue TestSTARTTLS"},
		"relay.first_retry":              {"server TestKeysRetry"},
		"relay.max_retry":                {"server TestKeysRetry"},
		"relay.expire":                   {"server TestQueueEntryExpires", "queue TestComesBack"},
		"relay.workers":                  {"server TestKeysWorkers"},
		"relay.per_domain":               {"server TestKeysWorkers", "queue TestConnectionsAreBounded"},
		"relay.private":                  {"server TestKeyPrivate", "wire TestReach"},
		"relay.allow":                    {"server TestWhereTheRelayDials", "wire TestReach", "queue TestAddressesAreJudged", "e2e TestTwoInstances"},
		"limits.message_size":            {"server TestKeysLimits", "server/smtpd TestSizeLimit"},
		"limits.recipients":              {"server TestKeysLimits"},
		"limits.connections":             {"server TestKeysConnections"},
		"limits.connections_per_address": {"server TestKeysConnections"},
		"limits.failed_logins":           {"server TestFailedLoginsOfTheConfiguration", "server TestNeighboursFailures", "auth TestAttempts", "web TestDoorsShareTheLimit"},
		"store.ack":                      {"server TestKeysAck", "store/bolt TestPowerCut", "store/bolt TestKill"},
		"web.token_file":                 {"cmd/glassmail TestKeyTokenFile", "cmd/glassmail TestServeShowsNothingWithoutLogin"},
		"web.tls":                        {"cmd/glassmail TestKeyWebTLS"},
		"web.trusted_proxies":            {"cmd/glassmail TestKeyTrustedProxies", "web TestClientsOfProxies", "web TestLimitBehindProxies"},
	}
}

// Every key of the configuration has a test of what is said of it, and every test that is
// named here exists.
func TestEveryKeyHasATest(t *testing.T) {
	all, known := promises(), map[string][]string{}
	for _, key := range config.Keys() {
		if len(all[key]) == 0 {
			t.Errorf("no test holds %s to its comment", key)
		}
	}
	for key, tests := range all {
		if !slices.Contains(config.Keys(), key) {
			t.Errorf("there is no key %s", key)
		}
		for _, test := range tests {
			dir, name, _ := strings.Cut(test, " ")
			if known[dir] == nil {
				known[dir] = testsIn(t, dir)
			}
			if !slices.Contains(known[dir], name) {
				t.Errorf("%s: there is no test %s", key, test)
			}
		}
	}
}

// testsIn lists the functions of the test files of a folder.
func testsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				out = append(out, fn.Name.Name)
			}
		}
	}
	return out
}
