package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/cover"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/merchant"
)

// addImages describes what is not in the IDL because it is no JSON: uploads and art.
func addImages(paths, schemas object) {
	text := func(name, in string, required bool, description string) object {
		return object{
			"name": name, "in": in, "required": required, "description": description,
			"schema": object{"type": "string"},
		}
	}
	binary := object{"schema": object{"type": "string", "format": "binary"}}
	paths[uploadPath] = object{"post": object{
		"operationId": "UploadImage", "tags": []string{"CoverService"},
		"summary": "Keeps an image for the covers of a merchant",
		"description": "The body is the file: PNG, JPEG or WebP by its content. It is decoded, turned as EXIF says, " +
			"resized and encoded anew; nothing else of it is kept. Repeating it gives the same image." +
			"\n\nScope: user or merchant.",
		"parameters": []object{
			text("merchant_id", "query", false, "a merchant's token says it"),
			text("mode", "query", false, "live or test; a merchant's token says it"),
		},
		"requestBody": object{"required": true, "content": object{
			"image/png": binary, "image/jpeg": binary, "image/webp": binary, "application/octet-stream": binary,
		}},
		"responses": withProblems(object{"200": object{"description": "Done", "content": object{
			"application/json": object{"schema": reference("UploadedImage")},
		}}},
			refusal.CodeInvalidArgument, cover.CodeImageRefused, problem.CodeUnauthenticated, problem.CodeForbidden,
			merchant.CodeRoleMissing, merchant.CodePermissionMissing, merchant.CodeModeMismatch, merchant.CodeNotActive,
			merchant.CodeAddressNotAllowed, merchant.CodeNotFound, cover.CodeTooMany, cover.CodeImageTooLarge,
			problem.CodeUnsupportedMediaType, problem.CodeRateLimited, problem.CodeInternal, refusal.CodeUnavailable),
	}}
	paths[artPath] = object{"get": object{
		"operationId": "GetArt", "tags": []string{"CoverService"}, "security": []object{},
		"summary":     "An image, for anybody",
		"description": "It never changes, so it may be kept for ever.",
		"parameters": []object{
			text("hash", "path", true, "that an upload answered"), text("size", "path", true, "large, medium or small"),
		},
		"responses": withProblems(object{
			"200": object{"description": "The image", "content": object{"image/png": binary, "image/jpeg": binary}},
		}, cover.CodeArtNotFound, cover.CodeArtGone, problem.CodeRateLimited, problem.CodeInternal,
			refusal.CodeUnavailable),
	}}
	number, word := object{"type": "integer"}, object{"type": "string"}
	schemas["UploadedImage"] = object{
		"type": "object", "required": []string{"hash", "type", "width", "height", "sizes"}, "properties": object{
			"hash": word, "type": word, "width": number, "height": number,
			"sizes": object{"type": "array", "items": reference("UploadedSize")},
		},
	}
	schemas["UploadedSize"] = object{
		"type": "object", "required": []string{"name", "width", "height", "url"},
		"properties": object{"name": word, "width": number, "height": number, "url": word},
	}
}

// withProblems adds the problems of codes to responses, by status.
func withProblems(responses object, codes ...string) object {
	byStatus := map[int][]string{}
	for _, code := range codes {
		byStatus[problem.Status(code)] = append(byStatus[problem.Status(code)], code)
	}
	for status, codes := range byStatus {
		responses[strconv.Itoa(status)] = object{
			"description": http.StatusText(status) + ": `" + strings.Join(codes, "`, `") + "`",
			"content":     object{problemMediaType: object{"schema": reference("Problem")}},
		}
	}
	return responses
}
