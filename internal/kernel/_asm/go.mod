module github.com/inkstone-ai/inkstone/internal/kernel/_asm

go 1.26
