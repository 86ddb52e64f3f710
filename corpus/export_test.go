package corpus

// EncodeAhead is open to the tests, whose texts are short.
var EncodeAhead = &encodeAhead

// Atomically is open to the tests, which make its writer fail.
var Atomically = atomically

// ReadIDX is open to the fuzzer.
var ReadIDX = readIDX

// DecodePicture is open to the tests, which try every length of a file.
var DecodePicture = decodePicture

// Turned is open to the fuzzer.
var Turned = turned
