// Writes hf.json: what Hugging Face's own library makes of tokenizer.json
// files, those in hf/ that this package has saved and some of other forms.
//
//   go test -run TestAgainstHuggingFace -update .      (writes hf/)
//   npm install @anush008/tokenizers && node hf.cjs > hf.json
//
// Made with @anush008/tokenizers 0.6.0, the Rust library's Node binding.
const fs = require('fs'), os = require('os'), path = require('path')
const { Tokenizer } = require('@anush008/tokenizers')

const bytes = [...Array(256).keys()].map(b => '<0x' + b.toString(16).toUpperCase().padStart(2, '0') + '>')
const merges = ['▁ t', 'h e', '▁t he', 'i n', '▁ a', 'e r', '▁ ▁', '▁▁ ▁▁', 'o n', 'l l', 'H e', 'He ll', 'o ,', 'a b', 'a a', 'aa aa', 'ab ab', 'c h', '中 文', '1 2']
const letters = [...'▁abcdefghijklmnopqrstuvwxyzHIABC,.!123中文éſ\n']
const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...letters, ...merges.map(m => m.replace(' ', ''))]
const vocab = Object.fromEntries(tokens.map((t, i) => [t, i]))
const plain = Object.fromEntries(['<unk>', '<s>', '</s>', ...letters, ...merges.map(m => m.replace(' ', ''))].map((t, i) => [t, i]))
const added = (v, normalized, extra = {}) => ['<unk>', '<s>', '</s>'].map(content => ({ id: v[content], content, single_word: false, lstrip: false, rstrip: false, normalized, special: true, ...extra }))
const model = (v, more) => ({ type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: false, vocab: v, merges, ...more })
const replace = (from, to) => ({ type: 'Replace', pattern: { String: from }, content: to })
const sentence = strip => ({ type: 'Sequence', decoders: [replace('▁', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, ...(strip ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [])] })
const file = parts => ({ version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: sentence(true), ...parts })
const metaspace = (prepend_scheme, split) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split })
const level = JSON.parse(fs.readFileSync(path.join(__dirname, 'hf', 'gpt2.json')))

const foreign = {
  'llama2': file({ added_tokens: added(vocab, false), normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }, model: model(vocab) }),
  'llama2 normalized tokens': file({ added_tokens: added(vocab, true), normalizer: { type: 'Sequence', normalizers: [replace(' ', '▁')] }, decoder: sentence(false), model: model(vocab) }),
  'gemma': file({ added_tokens: added(vocab, false), normalizer: replace(' ', '▁'), pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false }, decoder: sentence(false), model: model(vocab) }),
  'mistral': file({ added_tokens: added(vocab, false), pre_tokenizer: metaspace('first', false), model: model(vocab) }),
  'metaspace always split': file({ added_tokens: added(vocab, false), pre_tokenizer: metaspace('always', true), decoder: metaspace('always', true), model: model(plain, { byte_fallback: false }) , added_tokens: added(plain, false) }),
  'metaspace never': file({ added_tokens: added(plain, false), pre_tokenizer: metaspace('never', true), decoder: metaspace('never', true), model: model(plain, { byte_fallback: false, fuse_unk: false }) }),
  'ignore merges': file({ added_tokens: added(vocab, false), pre_tokenizer: metaspace('always', true), model: model(vocab, { ignore_merges: true, merges: merges.slice(0, 3) }) }),
  'stripping': file({ added_tokens: added(vocab, false, { lstrip: true, rstrip: true }), pre_tokenizer: metaspace('first', false), model: model(vocab) }),
  'single words': file({ added_tokens: [...added(vocab, false), { id: tokens.length, content: 'the', single_word: true, lstrip: false, rstrip: false, normalized: true, special: false }], normalizer: replace(' ', '▁'), decoder: sentence(false), model: model(vocab) }),
  'NFC': { ...level, normalizer: { type: 'NFC' } },
  'NFKC lower strip': { ...level, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }, { type: 'Lowercase' }, { type: 'Strip', strip_left: true, strip_right: true }, { type: 'Replace', pattern: { Regex: '[0-9]+' }, content: '$1#' }] } },
  'prefix blank': { ...level, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true } },
  'digits and prefix': { ...level, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: false }, { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }] } },
}
for (const behavior of ['Isolated', 'Removed', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']) {
  for (const invert of [false, true]) {
    foreign[`${behavior} ${invert}`] = { ...level, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: '[aeiou ]' }, behavior, invert }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }] } }
  }
}

const texts = ['', ' ', 'the', ' the', 'Hello, the inner   men\n', 'a<s>the</s> b', '<s> a', '  two', "I'll we've DON'T 'S it's", '12 345 ½', 'camelCaseHTTP', '中文字', 'ééſ e\u0301', '😀', '<0x41>▁a', 'ab-ab aaaaaa abab', 'a  <s>  the', 'athe the', 'x\u00a0y\u3000z', '\t\r\n x', 'ﬁ Ⅳ ＡＢ', "it'ſ IT'Ll Ǆa ªb", '<|endoftext|>a <|endoftext|>']

async function main() {
  const cases = []
  const run = async (name, file, source) => {
    const tok = Tokenizer.fromFile(file)
    const ids = [], decoded = []
    for (const text of texts) {
      const e = await tok.encode(text, null, { addSpecialTokens: false })
      ids.push(e.getIds())
      decoded.push(await tok.decode(e.getIds(), false))
    }
    cases.push({ name, source, ids, decoded })
  }
  const dir = path.join(__dirname, 'hf')
  for (const f of fs.readdirSync(dir).sort()) await run(f, path.join(dir, f), '')
  for (const [name, parts] of Object.entries(foreign)) {
    const f = path.join(os.tmpdir(), 'hf-foreign.json')
    fs.writeFileSync(f, JSON.stringify(parts))
    // The forms over bytes are those of hf/gpt2.json with one part replaced.
    const source = parts.model === level.model ? { ...parts, model: null } : parts
    await run(name, f, JSON.stringify(source))
  }
  console.log(JSON.stringify({ texts, cases }))
}
main()
