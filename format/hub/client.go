package hub

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The limits of what a server may ask of us.
const (
	maxAnswer   = 32 << 20         // bytes of one answer that is not a file
	maxFiles    = 200_000          // of one model, and folders
	maxPages    = 2000             // of its list
	maxWait     = 5 * time.Minute  // that Retry-After may ask for
	stall       = 60 * time.Second // without a byte, then the request is made anew
	attempts    = 6                // without any progress
	parallelism = 4                // files at once
)

// A Client speaks to a hub.
type Client struct {
	Config
	Agent string // the User-Agent

	http  *http.Client
	pause time.Duration // before the second attempt; doubles with each
	stall time.Duration
}

// NewClient returns a client. agent is what it calls itself to the server.
func NewClient(c Config, agent string) *Client {
	dial := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
	return &Client{
		Config: c, Agent: agent, pause: time.Second, stall: stall,
		http: &http.Client{
			CheckRedirect: checkRedirect,
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: dial.DialContext, TLSHandshakeTimeout: 20 * time.Second,
				ResponseHeaderTimeout: stall, MaxIdleConnsPerHost: parallelism, IdleConnTimeout: 90 * time.Second,
				DisableCompression: true, // the sizes and hashes are those of the bytes on the wire
			},
		},
	}
}

// checkEndpoint sees that the hub's address is one.
func (c *Client) checkEndpoint() error {
	if u, err := url.Parse(c.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("hub: HF_ENDPOINT %q is not an address of a hub: it begins with https:// or http://", c.Endpoint)
	}
	return nil
}

var errRedirected = errors.New("redirected")

// checkRedirect follows to the storage of large files, which must not learn the
// token: it is of another host, or port, than the hub.
func checkRedirect(r *http.Request, via []*http.Request) error {
	hub := via[0].URL
	switch {
	case len(via) >= 10:
		return fmt.Errorf("%w 10 times", errRedirected)
	case hub.Scheme == "https" && r.URL.Scheme != "https":
		return fmt.Errorf("%w from https to %s", errRedirected, r.URL.Scheme)
	}
	if r.URL.Host != hub.Host {
		r.Header.Del("Authorization")
	}
	return nil
}

// A retryable error may pass; after says how long the server wants us to wait.
type retryable struct {
	error
	after time.Duration
}

func (e retryable) Unwrap() error { return e.error }

// get asks for address and returns an answer of status 200 or 206, whose body
// the caller closes. from is the first byte that is asked for.
func (c *Client) get(ctx context.Context, n Name, address string, from int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	r.Header.Set("User-Agent", c.Agent)
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if from > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	answer, err := c.http.Do(r)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case lasts(err):
		return nil, fmt.Errorf("hub: %w; see HF_ENDPOINT", err)
	case err != nil:
		return nil, retryable{error: fmt.Errorf("hub: %w", err)}
	case answer.StatusCode == http.StatusOK, answer.StatusCode == http.StatusPartialContent, answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, c.refusal(n, answer)
}

// lasts says that a request fails as often as it is made: it goes in circles, or
// the server is not who it says it is.
func lasts(err error) bool {
	var impostor *tls.CertificateVerificationError
	return errors.Is(err, errRedirected) || errors.As(err, &impostor)
}

// refusal says what an answer of another status means, and what to do.
func (c *Client) refusal(n Name, answer *http.Response) error {
	code, status := answer.Header.Get("X-Error-Code"), answer.StatusCode
	page := c.Endpoint + "/" + n.Repo
	switch {
	case code == "GatedRepo":
		return fmt.Errorf("hub: %s is open only to those who accept its terms: accept them at %s, and %s", n.Repo, page, c.tokenAdvice())
	case code == "RevisionNotFound":
		return fmt.Errorf("hub: %s has no branch, tag or commit %q: see %s/tree/main", n.Repo, n.Revision, page)
	case code == "EntryNotFound":
		return fmt.Errorf("hub: %s has no file %s", n, answer.Request.URL.Path)
	case code == "" && status == http.StatusNotFound && n.Revision != mainRevision:
		return fmt.Errorf("hub: there is no model %s at %s, or no branch, tag or commit %q of it, or it is private: check both; for a private one %s", n.Repo, c.Endpoint, n.Revision, c.tokenAdvice())
	case code == "RepoNotFound", status == http.StatusNotFound:
		return fmt.Errorf("hub: there is no model %s at %s, or it is private: check the name; for a private one %s", n.Repo, c.Endpoint, c.tokenAdvice())
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("hub: %s: %s: the hub does not let you read it: %s", n.Repo, answer.Status, c.tokenAdvice())
	}
	err := fmt.Errorf("hub: %s: %s answers %s%s", n.Repo, answer.Request.URL.Host, answer.Status, c.message(answer))
	if status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500 {
		return retryable{err, retryAfter(answer.Header.Get("Retry-After"))}
	}
	return err
}

func (c *Client) tokenAdvice() string {
	if c.Token != "" {
		return "check that the token of HF_TOKEN, or of the file of HF_TOKEN_PATH, is valid and may read it"
	}
	return "set HF_TOKEN to a token that may read it (" + c.Endpoint + "/settings/tokens)"
}

// message is what the server says of its refusal.
func (c *Client) message(answer *http.Response) string {
	if m := answer.Header.Get("X-Error-Message"); m != "" {
		return fmt.Sprintf(": %.300s", m)
	}
	return ""
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// A notice tells the user something.
type notice func(format string, args ...any)

// retry calls do until it succeeds, fails for good, or has failed some times in
// a row without progress. do reports whether it came further. Longer pauses than the
// first are told.
func (c *Client) retry(ctx context.Context, tell notice, do func() (progress bool, err error)) error {
	pause := c.pause
	for failed := 0; ; {
		progress, err := do()
		var again retryable
		if err == nil || ctx.Err() != nil || !errors.As(err, &again) {
			return errors.Join(ctx.Err(), err)
		}
		if failed++; progress {
			failed, pause = 1, c.pause
		}
		switch {
		case failed == attempts:
			return fmt.Errorf("%w (after %d attempts; the next pull goes on from here)", err, failed)
		case again.after > maxWait:
			return fmt.Errorf("%w: it asks to wait %s: pull again then", err, again.after.Round(time.Second))
		}
		wait := max(pause, again.after)
		if wait > c.pause {
			tell("%v: again in %s", err, wait.Round(time.Second))
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		pause *= 2
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// getJSON decodes an answer into v and returns the address of the next page, "" on the last.
func (c *Client) getJSON(ctx context.Context, tell notice, n Name, address string, v any) (next string, err error) {
	err = c.retry(ctx, tell, func() (bool, error) {
		b, link, err := c.answer(ctx, n, address)
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(b, v); err != nil {
			return false, fmt.Errorf("hub: %s is not a hub: %w; see HF_ENDPOINT", address, err)
		}
		next = nextPage(link)
		return true, nil
	})
	return next, err
}

// answer reads an answer that is not a file, and its Link header.
func (c *Client) answer(ctx context.Context, n Name, address string) (b []byte, link string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := c.get(ctx, n, address, 0)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	b, err = io.ReadAll(io.LimitReader(c.watch(answer.Body, address, cancel), maxAnswer+1))
	switch cause := context.Cause(ctx); {
	case err != nil && cause != nil:
		return nil, "", cause
	case err != nil:
		return nil, "", retryable{error: fmt.Errorf("hub: %w", err)}
	case len(b) > maxAnswer:
		return nil, "", fmt.Errorf("hub: %s answers more than %d bytes", address, maxAnswer)
	}
	return b, answer.Header.Get("Link"), nil
}

// nextPage is the address of rel="next" in a Link header (RFC 8288).
func nextPage(link string) string {
	for part := range strings.SplitSeq(link, ",") {
		address, rest, ok := strings.Cut(strings.TrimSpace(part), ">")
		if ok && strings.HasPrefix(address, "<") && strings.Contains(rest, `rel="next"`) {
			return address[1:]
		}
	}
	return ""
}

// sameHost sees that a page is of the hub: the token goes there.
func (c *Client) sameHost(page string) error {
	hub, err1 := url.Parse(c.Endpoint)
	next, err2 := url.Parse(page)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if next.Host != hub.Host || next.Scheme != hub.Scheme {
		return fmt.Errorf("hub: %s continues its list at another host, %s", hub.Host, next.Host)
	}
	return nil
}
