package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

// Addresses of this machine and of another one, which is a network namespace.
const (
	hereAddr = "192.0.2.1"
	farAddr  = "192.0.2.2"
)

// TestPasswordsOverANetwork runs itself again in a network of its own that has two
// machines. Without TLS a node takes passwords from its own machine, by whatever address,
// and from the other one only if its network is named.
func TestPasswordsOverANetwork(t *testing.T) {
	if os.Getenv(builtProgram) != "" {
		passwordsOverANetwork(t)
		return
	}
	for _, need := range [][2]string{{"unshare", "util-linux"}, {"ip", "iproute2"}, {"mount", "mount"}} {
		if _, err := exec.LookPath(need[0]); err != nil {
			t.Skipf("%s is missing: install the Debian package %s", need[0], need[1])
		}
	}
	const twoMachines = `ip link set lo up && mount -t tmpfs tmpfs /run && ip netns add far &&
ip link add near type veth peer name eth0 netns far && ip addr add ` + hereAddr + `/24 dev near && ip link set near up &&
ip -n far addr add ` + farAddr + `/24 dev eth0 && ip -n far link set eth0 up`
	if out, err := exec.Command("unshare", "-Urnm", "sh", "-c", twoMachines).CombinedOutput(); err != nil {
		t.Skipf("this system lets nobody make a network of two machines: %v %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-Urnm", "sh", "-c", twoMachines+` && exec "$0" -test.run '^TestPasswordsOverANetwork$' -test.v`, self)
	cmd.Env = append(os.Environ(), builtProgram+"="+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func passwordsOverANetwork(t *testing.T) {
	const everywhere = ":0"
	named := []string{"--plain-login", "198.51.100.0/24", "--plain-login", farAddr + "/30"}
	for _, more := range [][]string{nil, named} {
		p := start(t, append([]string{"serve", "--domain", "hamburger.edu", "--data", t.TempDir(), "--user", "bob:secret", "--smtp", "", "--web", "",
			"--submission", everywhere, "--submissions", "", "--imap", everywhere, "--imaps", ""}, more...)...)
		n := p.ready.Nodes["hamburger.edu"]
		for from, taken := range map[string]bool{"": true, "far": more != nil} {
			smtp, imap := "538 5.7.11", `NO \[PRIVACYREQUIRED\]`
			if taken {
				smtp, imap = "235 2.7.0", "OK"
			}
			for port, script := range map[string]string{
				port(n.Submission): "S~ 220 .*\nC: EHLO crepes.fr\nS...\nS~ 250 .*\nC: AUTH PLAIN AGJvYgBzZWNyZXQ=\nS~ " + smtp + ".*\nC: QUIT\nS~ 221 .*\n",
				port(n.IMAP):       "S~ \\* OK .*\nC: a LOGIN bob secret\nS~ a " + imap + ".*\nC: b LOGOUT\nS...\nS~ b OK .*\n",
			} {
				command := []string{program, "play", write(t, "login.dialog", script), hereAddr, port}
				if from != "" {
					command = append([]string{"ip", "netns", "exec", from}, command...)
				}
				cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
				cmd.Env = environment(t)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("from %q, with %v: %v\n%s", from, more, err, out)
				}
			}
		}
		p.stop()
	}
}
