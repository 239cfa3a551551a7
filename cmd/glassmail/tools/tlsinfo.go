package tools

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
)

// describeTLS says which version began and whether this machine trusts the
// server's certificate for host.
func describeTLS(st tls.ConnectionState, host string) string {
	text := tls.VersionName(st.Version) + " began"
	if len(st.PeerCertificates) == 0 {
		return text
	}
	leaf := st.PeerCertificates[0]
	text += fmt.Sprintf("; the certificate is for %s, issued by %s", printable(certNames(leaf)), printable(leaf.Issuer.String()))
	opts := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool()}
	for _, c := range st.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return text + "; this machine does not trust it: " + printable(err.Error())
	}
	return text + "; this machine trusts it"
}

// certNames lists the hosts of a certificate.
func certNames(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host"
	}
	return strings.Join(names, ", ")
}
