package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// startWatched is glassmail with three pages open: the journeys, the server, and
// bob's mail. The browser's processor time is not the server's, but both share the
// machine.
func startWatched(ctx context.Context, p place) (*subject, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("watched: no Chromium; install the Debian package chromium")
	}
	p.web = true
	s, err := startGlassmail(ctx, p)
	if err != nil {
		return nil, err
	}
	s.name = watchedName
	// The browser outlives ctx, so that it is asked to end, not killed.
	browser, endProcess := chromedp.NewExecAllocator(context.WithoutCancel(ctx), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Flag("no-sandbox", os.Getuid() == 0), chromedp.UserDataDir(p.dir+"-profile"))...)
	stop := s.stop
	s.stop = func() error {
		endProcess()
		return errors.Join(stop(), os.RemoveAll(p.dir+"-profile"))
	}
	pages, err := openPages(browser, s)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watched: %w", err), s.stop())
	}
	s.frames = func(context.Context) (time.Duration, error) { return longestFrame(pages) }
	return s, nil
}

// openPages logs in and opens the pages, each in a profile of its own.
func openPages(browser context.Context, s *subject) ([]context.Context, error) {
	token, err := os.ReadFile(filepath.Join(s.data, "web-token"))
	if err != nil {
		return nil, err
	}
	first, _ := chromedp.NewContext(browser) // it ends with the browser, as the tabs do
	if err := chromedp.Do(first); err != nil {
		return nil, err
	}
	operator := fmt.Sprintf(`{token: %q}`, strings.TrimSpace(string(token)))
	bob := `{account: "bob@hamburger.edu", password: "bob"}`
	var pages []context.Context
	for _, one := range [][2]string{{"/", operator}, {"/server", operator}, {"/mail", bob}} {
		tab, _ := chromedp.NewContext(first, chromedp.WithNewBrowserContext())
		if err := openPage(tab, s.web, one[0], one[1]); err != nil {
			return nil, fmt.Errorf("page %s: %w", one[0], err)
		}
		pages = append(pages, tab)
	}
	return pages, nil
}

// loginCall logs in as the login page does; who is an object of JavaScript.
const loginCall = `fetch("/api/v1/login", {
	method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(%s),
}).then((r) => { if (!r.ok) throw new Error("login: " + r.status); return true; })`

// countFrames keeps the longest time between two frames in window.longestFrame.
const countFrames = `{
	window.longestFrame = 0;
	let before = performance.now();
	const frame = (now) => { window.longestFrame = Math.max(window.longestFrame, now - before); before = now; requestAnimationFrame(frame); };
	requestAnimationFrame(frame);
	true;
}`

func openPage(tab context.Context, base, path, who string) error {
	if err := chromedp.Do(tab, chromedp.Navigate(base+"/login")); err != nil {
		return err
	}
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](fmt.Sprintf(loginCall, who), chromedp.EvalAwaitPromise)); err != nil {
		return err
	}
	if err := chromedp.Do(tab, chromedp.Navigate(base+path)); err != nil {
		return err
	}
	_, err := chromedp.Run(tab, chromedp.Evaluate[bool](countFrames))
	return err
}

// longestFrame is the longest time between two frames of a page since it was asked
// last.
func longestFrame(pages []context.Context) (time.Duration, error) {
	longest := 0.0
	for _, tab := range pages {
		ms, err := chromedp.Run(tab, chromedp.Evaluate[float64](`{ const most = window.longestFrame; window.longestFrame = 0; most }`))
		if err != nil {
			return 0, err
		}
		longest = max(longest, ms)
	}
	return time.Duration(longest * float64(time.Millisecond)), nil
}
