package handler

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/cloudwego/thriftgo/parser"
)

// route is where a method is in HTTP.
type route struct {
	verb       string
	path       string            // with {parameters}
	parameters []string          // of the path
	constants  map[string]string // query values that choose between methods at the same verb and path
}

// hasBody says whether requests of the route carry one.
func (r route) hasBody() bool { return r.verb == http.MethodPost || r.verb == http.MethodPut }

var parameter = regexp.MustCompile(`\{([a-z]+)\}`)

// newRoute reads api.get, api.post, api.put or api.delete.
func newRoute(annotations parser.Annotations) (route, error) {
	var found []route
	for _, verb := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		for _, value := range annotations.Get("api." + strings.ToLower(verb)) {
			r, err := parseRoute(verb, value)
			if err != nil {
				return route{}, err
			}
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return route{}, fmt.Errorf("needs one of the annotations api.get, api.post, api.put, api.delete, has %d", len(found))
	}
	return found[0], nil
}

func parseRoute(verb, value string) (route, error) {
	path, query, _ := strings.Cut(value, "?")
	if !strings.HasPrefix(path, "/v1/") {
		return route{}, fmt.Errorf("path %q does not begin with /v1/", path)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return route{}, fmt.Errorf("query %q: %w", query, err)
	}
	r := route{verb: verb, path: path, constants: map[string]string{}}
	for name := range values {
		r.constants[name] = values.Get(name)
	}
	for _, match := range parameter.FindAllStringSubmatch(path, -1) {
		r.parameters = append(r.parameters, match[1])
	}
	return r, nil
}
