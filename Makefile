# Everything a contributor runs. Users need only `go build`.
.PHONY: test lint race generate ci

test:
	CGO_ENABLED=0 go test ./...

lint:
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

race: # needs cgo and a C compiler; users of Inkstone do not
	CGO_ENABLED=1 go test -race -short ./internal/kernel/cpu ./corpus ./tokenizer ./train ./generate

generate: # rewrites the assembly; must leave no diff
	go generate ./internal/kernel/...

ci:
	bash .ci/run
