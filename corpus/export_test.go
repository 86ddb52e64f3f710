package corpus

// Atomically is open to the tests, which make its writer fail.
var Atomically = atomically
