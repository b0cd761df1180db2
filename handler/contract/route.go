package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/cloudwego/thriftgo/parser"
)

// Route is where a method is in HTTP.
type Route struct {
	Verb       string
	Path       string            // with {parameters}
	Parameters []string          // of the path
	Constants  map[string]string // query values that choose between methods at the same verb and path
}

// HasBody says whether requests of the route carry one.
func (r Route) HasBody() bool { return r.Verb == http.MethodPost || r.Verb == http.MethodPut }

var parameter = regexp.MustCompile(`\{([a-z]+)\}`)

// newRoute reads api.get, api.post, api.put or api.delete.
func newRoute(annotations parser.Annotations) (Route, error) {
	var found []Route
	for _, verb := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		for _, value := range annotations.Get("api." + strings.ToLower(verb)) {
			r, err := parseRoute(verb, value)
			if err != nil {
				return Route{}, err
			}
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return Route{}, fmt.Errorf("needs one of the annotations api.get, api.post, api.put, api.delete, has %d",
			len(found))
	}
	return found[0], nil
}

func parseRoute(verb, value string) (Route, error) {
	path, query, _ := strings.Cut(value, "?")
	if !strings.HasPrefix(path, "/v1/") {
		return Route{}, fmt.Errorf("path %q does not begin with /v1/", path)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Route{}, fmt.Errorf("query %q: %w", query, err)
	}
	r := Route{Verb: verb, Path: path, Constants: map[string]string{}}
	for name := range values {
		r.Constants[name] = values.Get(name)
	}
	for _, match := range parameter.FindAllStringSubmatch(path, -1) {
		r.Parameters = append(r.Parameters, match[1])
	}
	return r, nil
}
