package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// description is openapi.json as far as answers are concerned. Its schemas use
// type, properties, required, additionalProperties, items, enum, format date-time
// and $ref; another word fails the test, for it would not be checked.
type description struct {
	paths   map[string]map[string]any
	schemas map[string]any
	mux     *http.ServeMux  // finds the path of a request
	seen    map[string]bool // the calls that were answered as they should be; nil keeps no account
}

func readDescription(t *testing.T) *description {
	t.Helper()
	b, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	d := &description{paths: doc.Paths, schemas: doc.Components.Schemas, mux: http.NewServeMux()}
	for path, methods := range doc.Paths {
		for method := range methods {
			d.mux.Handle(strings.ToUpper(method)+" "+path, http.NotFoundHandler())
		}
	}
	return d
}

// answer checks the JSON of a call against its schema; a failure is told by the
// schema of errors.
func (d *description) answer(method, path string, status int, body []byte) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	_, pattern := d.mux.Handler(&http.Request{Method: method, URL: u})
	_, place, ok := strings.Cut(pattern, " ")
	if !ok {
		return fmt.Errorf("%s %s is not described", method, path)
	}
	call := d.paths[place][strings.ToLower(method)]
	code := "default"
	if status == http.StatusOK {
		code = "200"
	}
	schema, ok := dig(call, "responses", code, "content", "application/json", "schema")
	if !ok {
		return fmt.Errorf("%s answers %s with JSON, but none is described", pattern, code)
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	if err := d.check(schema, v, "answer"); err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	return nil
}

// note checks the status and the type of an answer, and keeps account of it.
func (d *description) note(method, path string, resp *http.Response) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	_, pattern := d.mux.Handler(&http.Request{Method: method, URL: u})
	_, place, _ := strings.Cut(pattern, " ")
	answers, _ := dig(d.paths[place][strings.ToLower(method)], "responses")
	told, ok := dig(answers, strconv.Itoa(resp.StatusCode))
	if !ok {
		return nil // a failure, which is described by the default
	}
	if content, ok := dig(told, "content"); ok {
		kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
		if _, ok := dig(content, kind); !ok && place != "/mail/messages/{folder}/{uid}/parts/{section}" { // whose type is the sender's
			return fmt.Errorf("%s answers %s, which is not described", pattern, kind)
		}
	}
	if d.seen != nil {
		d.seen[pattern] = true
	}
	return nil
}

func dig(v any, keys ...string) (any, bool) {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok || m[k] == nil {
			return nil, false
		}
		v = m[k]
	}
	return v, true
}

func (d *description) check(schema, v any, at string) error {
	s, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: the schema is no object", at)
	}
	for word := range s {
		if !slices.Contains([]string{"type", "properties", "required", "additionalProperties", "items", "enum", "format", "$ref", "description"}, word) {
			return fmt.Errorf("%s: the schema says %s, which is not checked here", at, word)
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		if d.schemas[name] == nil {
			return fmt.Errorf("%s: there is no schema %s", at, ref)
		}
		return d.check(d.schemas[name], v, at)
	}
	if list, ok := s["enum"].([]any); ok && !slices.Contains(list, v) {
		return fmt.Errorf("%s is %v, which is none of %v", at, v, list)
	}
	if either, ok := s["type"].([]any); ok {
		return d.either(either, s, v, at)
	}
	switch s["type"] {
	case "object":
		return d.object(s, v, at)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s is %T, want an array", at, v)
		}
		for i, one := range list {
			if err := d.check(s["items"], one, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return scalar(s, v, at)
}

// either checks a value that may be of several types, such as null.
func (d *description) either(types []any, s map[string]any, v any, at string) error {
	var err error
	for _, one := range types {
		narrow := maps.Clone(s)
		narrow["type"] = one
		if err = d.check(narrow, v, at); err == nil {
			return nil
		}
	}
	return err
}

func scalar(s map[string]any, v any, at string) error {
	ok := true
	switch s["type"] {
	case "string":
		var text string
		if text, ok = v.(string); ok && s["format"] == "date-time" {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
	case "integer":
		n, is := v.(float64)
		ok = is && n == math.Trunc(n)
	case "number":
		_, ok = v.(float64)
	case "boolean":
		_, ok = v.(bool)
	case "null":
		ok = v == nil
	case nil: // anything
	default:
		return fmt.Errorf("%s: the schema says %v, which is no type", at, s["type"])
	}
	if !ok {
		return fmt.Errorf("%s is %T, want %v", at, v, s["type"])
	}
	return nil
}

func (d *description) object(s map[string]any, v any, at string) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %T, want an object", at, v)
	}
	required, _ := s["required"].([]any)
	for _, key := range required {
		if _, there := o[key.(string)]; !there {
			return fmt.Errorf("%s lacks %v", at, key)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for key, one := range o {
		inner, known := properties[key], properties[key] != nil
		if more, is := s["additionalProperties"].(map[string]any); !known && is {
			inner, known = more, true
		}
		if !known && s["additionalProperties"] == false {
			return fmt.Errorf("%s has %s, which is not described", at, key)
		}
		if known {
			if err := d.check(inner, one, at+"."+key); err != nil {
				return err
			}
		}
	}
	return nil
}

// The checker finds what is wrong.
func TestSchemaChecker(t *testing.T) {
	d := readDescription(t)
	for body, good := range map[string]bool{
		`{"error":"no"}`:                   true,
		`{"error":1}`:                      false,
		`{}`:                               false,
		`{"error":"no","more":1}`:          false,
		`[]`:                               false,
		`{"error":`:                        false,
		`{"account":"a","operator":"yes"}`: false,
		`{"account":"a","operator":true,"x":[1]}`: false,
	} {
		status := http.StatusNotFound
		if strings.Contains(body, "account") {
			status = http.StatusOK
		}
		if err := d.answer(http.MethodGet, "/session", status, []byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}
