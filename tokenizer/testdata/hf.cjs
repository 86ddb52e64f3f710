// Writes hf.json: what Hugging Face's own library makes of tokenizer.json
// files, those in hf/ that this package has saved and some of other forms.
//
//   go test -run TestAgainstHuggingFace -update .      (writes hf/)
//   npm install @anush008/tokenizers && node hf.cjs > hf.json
//
// Made with @anush008/tokenizers 0.6.0, the Node binding of the Rust library 0.22.2.
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

// Gemma 3's merges begin with all ways to make runs, the longest first by what is on the left.
const gemmaMerges = ['▁▁▁ ▁', '\n\n \n', '▁▁ ▁▁', '\n \n\n', '▁ ▁▁▁', '▁▁ ▁', '▁ ▁▁', '\n \n', '▁ ▁', ...merges.filter(m => !/^[▁ ]*$/.test(m))]
const gemma = Object.fromEntries([...new Set([...tokens, '▁▁▁', '\n\n', '\n\n\n', '<b>'])].map((t, i) => [t, i]))

const foreign = {
  'llama2': file({ added_tokens: added(vocab, false), normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }, model: model(vocab) }),
  'framed': file({ added_tokens: added(vocab, false), normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }, model: model(vocab),
    post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'two', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }], pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { two: { id: 'two', ids: [1, 0], tokens: ['<s>', '<unk>'] }, '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] } } } }),
  'framed like RoBERTa': { ...level, added_tokens: [...level.added_tokens, { ...level.added_tokens[0], id: level.added_tokens[0].id + 1, content: '<s>' }], post_processor: { type: 'RobertaProcessing', sep: ['<|endoftext|>', level.added_tokens[0].id], cls: ['<s>', level.added_tokens[0].id + 1], trim_offsets: true, add_prefix_space: false } },
  'llama2 normalized tokens': file({ added_tokens: added(vocab, true), normalizer: { type: 'Sequence', normalizers: [replace(' ', '▁')] }, decoder: sentence(false), model: model(vocab) }),
  'gemma': file({ added_tokens: added(vocab, false), normalizer: replace(' ', '▁'), pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false }, decoder: sentence(false), model: model(vocab) }),
  'gemma with tokens of its user': file({ added_tokens: [...added(gemma, false), ...['▁▁', '▁▁▁', '▁▁▁▁', '\n\n', '\n\n\n', '<b>'].map(content => ({ id: gemma[content], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false }))],
    normalizer: replace(' ', '▁'), decoder: sentence(false), model: model(gemma, { merges: gemmaMerges }) }),
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

// A map of characters as SentencePiece compiles it: a double array over the
// bytes of what is replaced, and the replacements.
function charsmap(pairs) {
  const root = { children: new Map() }
  let texts = Buffer.alloc(0)
  for (const [from, to] of pairs) {
    let node = root
    for (const b of Buffer.from(from)) {
      if (!node.children.has(b)) node.children.set(b, { children: new Map() })
      node = node.children.get(b)
    }
    node.value = texts.length
    texts = Buffer.concat([texts, Buffer.from(to), Buffer.from([0])])
  }
  const units = [], used = new Set([0])
  const place = (node, at) => { // children stand at (at ^ offset) ^ label, a value at at ^ offset
    const labels = [...node.children.keys()]
    if (node.value !== undefined) labels.push(0)
    let base = 256
    while (labels.some(l => used.has(base ^ l))) base += 256
    labels.forEach(l => used.add(base ^ l))
    const offset = at ^ base
    units[at] = ((units[at] || 0) | offset << 10 | (node.value !== undefined ? 1 << 8 : 0)) >>> 0
    if (node.value !== undefined) units[base] = (node.value | 1 << 31) >>> 0
    for (const [label, child] of node.children) {
      units[base ^ label] = label
      place(child, base ^ label)
    }
  }
  place(root, 0)
  const array = Buffer.alloc(4 * (Math.max(...used) + 1))
  units.forEach((u, i) => array.writeUInt32LE(u, 4 * i))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(array.length)
  return Buffer.concat([length, array, texts]).toString('base64')
}
const nmt = charsmap([['\u00a0', ' '], ['\u3000', ' '], ['\t', ' '], ['\n', ' '], ['\r', ' '], ['ﬁ', 'fi'], ['Ⅳ', 'IV'], ['Ａ', 'A'], ['Ｂ', 'B'], ['e\u0301', 'é'], ['e\u0301x', '!'], ['½', '1⁄2'], ['ª', 'a'], ['中文', 'zh'], ['中', '（中）'], ['\u200d', '']])

// Scores of pieces: longer ones are rarer, none equal.
const scored = Object.keys(vocab).map((t, i) => [t, i < 7 ? -1 - i / 10 : -2 - [...t].length / 3 - ((i * 37) % 101) / 50])
const few = scored.filter(([t]) => !t.startsWith('<0x'))
const unigram = (list, more) => ({ type: 'Unigram', unk_id: list.findIndex(([t]) => t === '<unk>'), vocab: list, byte_fallback: false, ...more })
const specials = list => ['<unk>', '<s>', '</s>'].map(content => ({ id: list.findIndex(([t]) => t === content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }))
const t5 = { added_tokens: specials(few), normalizer: { type: 'Sequence', normalizers: [{ type: 'Precompiled', precompiled_charsmap: nmt }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }] }, pre_tokenizer: metaspace('always', true), decoder: metaspace('always', true), model: unigram(few) }
Object.assign(foreign, {
  't5': file(t5),
  't5 old': file({ ...t5, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace('always', true)] } }),
  'xlm-r first': file({ ...t5, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace('first', true)] } }),
  'unigram bytes': file({ added_tokens: specials(scored), normalizer: { type: 'Sequence', normalizers: [{ type: 'Nmt' }, { type: 'NFKC' }, { type: 'Prepend', prepend: '▁' }, replace(' ', '▁')] }, model: unigram(scored, { byte_fallback: true }) }),
})

// Words that end in </w> or go on with @@, as in GPT-1, CLIP and older BPEs.
const syllables = ['t', 'h', 'e', 'a', 'b', 'n', 'i', 'm', 'l', 'o', 'w', 'H', ',', '1', '2', '中', '文']
const pairs = [['t', 'h'], ['th', 'e</w>'], ['a', 'b'], ['ab', 'a'], ['i', 'n</w>'], ['l', 'o'], ['l', 'lo</w>']]
const ends = ['<unk>', '<s>', '</s>', ...syllables, ...syllables.map(t => t + '</w>'), 'th', 'the</w>', 'ab', 'aba', 'in</w>', 'lo', 'lo</w>', 'llo</w>']
const goes = ['<unk>', '<s>', '</s>', ...syllables, ...syllables.map(t => '@@' + t), 'th', '@@th', 'the', 'ab', 'aba', '@@ll']
const byName = list => Object.fromEntries(list.map((t, i) => [t, i]))
const bpe = (list, merges, more) => ({ type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab: byName(list), merges, ...more })
const clip = { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }] }, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: "'s|'t|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" }, behavior: 'Removed', invert: true }] }, decoder: { type: 'BPEDecoder', suffix: '</w>' }, model: bpe(ends, pairs.map(p => p.join(' ')), { end_of_word_suffix: '</w>' }), added_tokens: added(byName(ends), false) }
Object.assign(foreign, {
  'suffix': file(clip),
  'suffix fused': file({ ...clip, model: { ...clip.model, fuse_unk: true } }),
  'prefix': file({ added_tokens: added(byName(goes), false), pre_tokenizer: { type: 'Whitespace' }, decoder: { type: 'WordPiece', prefix: '@@', cleanup: true }, model: bpe(goes, ['t @@h', '@@t @@h', 'th @@e', 'a @@b', 'ab @@a', '@@l @@l'], { continuing_subword_prefix: '@@' }) }),
})

// Each pre-tokenizer and normalizer of words.
const listed = ['<unk>', '<s>', '</s>', 'the', 'Hello', ',', 'inner', 'men', 'two', 'I', "'", 'll', 'we', 've', 'it', 's', '12', '345', '½', '中文字', '中文', 'ab', '-', 'aaaaaa', 'abab', 'x', 'y', 'z', 'a', 'e', 'éé', '<', '>', 'Hel', 'lo,', 'inn', 'IV', 'ﬁ', 'ＡＢ', 'aé', 'abe', 'DON', 'T']
const level1 = (pre, more) => file({ added_tokens: added(byName(listed), false), pre_tokenizer: pre, decoder: null, model: { type: 'WordLevel', vocab: byName(listed), unk_token: '<unk>' }, ...more })
for (const [name, pre] of Object.entries({
  'Whitespace': { type: 'Whitespace' }, 'WhitespaceSplit': { type: 'WhitespaceSplit' }, 'UnicodeScripts': { type: 'UnicodeScripts' },
  'CharDelimiterSplit': { type: 'CharDelimiterSplit', delimiter: 'e' }, 'BertPreTokenizer': { type: 'BertPreTokenizer' },
  'Punctuation': { type: 'Punctuation', behavior: 'Isolated' }, 'Punctuation Removed': { type: 'Punctuation', behavior: 'Removed' }, 'Punctuation Contiguous': { type: 'Punctuation', behavior: 'Contiguous' },
  'Punctuation MergedWithNext': { type: 'Punctuation', behavior: 'MergedWithNext' }, 'Digits': { type: 'Digits', individual_digits: false },
})) foreign[name] = level1(pre)
Object.assign(foreign, {
  'StripAccents': level1({ type: 'Whitespace' }, { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFD' }, { type: 'StripAccents' }, { type: 'NFC' }] } }),
  'Nmt NFKD': level1({ type: 'WhitespaceSplit' }, { normalizer: { type: 'Sequence', normalizers: [{ type: 'Nmt' }, { type: 'NFKD' }] } }),
  'CTC': level1({ type: 'Whitespace' }, { decoder: { type: 'CTC', pad_token: '<s>', word_delimiter_token: ',', cleanup: true } }),
  'Strip and Replace': level1({ type: 'Whitespace' }, { decoder: { type: 'Sequence', decoders: [{ type: 'Strip', content: 'a', start: 1, stop: 0 }, { type: 'Fuse' }, replace('ee', 'E'), { type: 'Strip', content: 't', start: 1, stop: 0 }] } }),
  'falcon': { ...level, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Punctuation', behavior: 'Contiguous' }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, { type: 'Digits', individual_digits: false }, { type: 'Split', pattern: { Regex: '[0-9][0-9][0-9]' }, behavior: 'Isolated', invert: false }] } },
  'ByteLevel normalizer': { ...level, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'ByteLevel' }] }, pre_tokenizer: { type: 'Split', pattern: { String: 'Ġ' }, behavior: 'MergedWithNext', invert: false } },
  'smollm': { ...level, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }] } },
  'deepseek': { ...level, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: '\\p{N}{1,3}' }, behavior: 'Isolated', invert: false }, { type: 'Split', pattern: { Regex: '[一-龥\u3040-ゟ゠-ヿ]+' }, behavior: 'Isolated', invert: false }, { type: 'Split', pattern: { Regex: "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" }, behavior: 'Isolated', invert: false }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }] } },
  'added tokens of blanks': file({ added_tokens: [...added(vocab, false), ...['▁▁▁', '\n\n', '▁x'].map((content, i) => ({ id: tokens.length + i, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false }))], normalizer: replace(' ', '▁'), decoder: sentence(false), model: model(vocab) }),
  'bytes that lack and unknown': { ...level, model: null, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, ...{ added_tokens: added(byName(ends), false), model: bpe(ends, []) } },
})

// Files from before 2021 do not say of what type their model is.
const untyped = ({ type, ...model }) => model
const wordPieces = ['[UNK]', '[CLS]', '[SEP]', 'the', 'hello', ',', '##ab', 'ab', 'a', '##a', '##b', 'in', '##ner', 'men', '中', '文', '12', '##3', '3', '!']
const wordPiece = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: byName(wordPieces) }
const bert = file({ added_tokens: ['[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })), normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }, pre_tokenizer: { type: 'BertPreTokenizer' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, model: wordPiece })
Object.assign(foreign, {
  'bert': bert,
  'untyped WordPiece': { ...bert, model: untyped(wordPiece) },
  'untyped Unigram': file({ ...t5, model: { unk_id: 0, vocab: few } }),
  'untyped WordLevel': level1({ type: 'Whitespace' }, { model: { vocab: byName(listed), unk_token: '<unk>' } }),
  'untyped BPE': file({ added_tokens: added(vocab, false), normalizer: replace(' ', '▁'), decoder: sentence(false), model: untyped(model(vocab)) }),
  // What the reader of numbers rounds decides between cuts that are as good.
  'scores': file({ added_tokens: specials([['<unk>', 0], ['<s>', 0], ['</s>', 0]]), pre_tokenizer: metaspace('always', true), decoder: metaspace('always', true), model: unigram([['<unk>', 0], ['<s>', 0], ['</s>', 0], ['▁', -2.0122928619384766], ['-', -5.666868209838867], ['---', -9.043234825134277], ['e', -7.5]]) }),
})

const texts = ['', ' ', 'the', 'a   b    the      the', '\n\n\n\n the\n\n', 'a<b>▁▁ ab', ' the', 'Hello, the inner   men\n', 'a<s>the</s> b', '<s> a', '  two', "I'll we've DON'T 'S it's", '12 345 ½', 'camelCaseHTTP', '中文字', 'ééſ e\u0301', '😀', '<0x41>▁a', 'ab-ab aaaaaa abab', 'a  <s>  the', 'athe the', 'x\u00a0y\u3000z', '\t\r\n x', 'ﬁ Ⅳ ＡＢ', "it'ſ IT'Ll Ǆa ªb", '<|endoftext|>a <|endoftext|>', 'the theab ababa hello, hello in', 'e\u0301x ﬁ\u0301 中文 a\r\nb', 'ＡＢ　ｶﾞ \u1112\u1161\u11ab', 'カタカナひらがな漢字ーー', 'ii11 22a  33', 'the Hello <s>two  12,345', '👨‍👩‍👧 \u200b\ufeffx▁y', 'Привет мир, γειά', '((a)) --b!!', 'don\u2019t "q" $5+3', 'hello\u0378ab \ue000 \u00ad!', '----------', 'a    b\n\n x ▁x', 'a\u08e2b \u08d4a\u08d4 \u166da \u1734b']

// What puts tokens around a text has ids with them too.
const post = source => source && JSON.parse(source).post_processor

async function main() {
  const cases = []
  const run = async (name, file, source) => {
    const tok = Tokenizer.fromFile(file)
    const ids = [], decoded = [], framed = []
    for (const text of texts) {
      const e = await tok.encode(text, null, { addSpecialTokens: false })
      ids.push(e.getIds())
      if (post(source)) framed.push((await tok.encode(text, null, { addSpecialTokens: true })).getIds())
      decoded.push(await tok.decode(e.getIds(), false))
    }
    cases.push({ name, source, ids, decoded, ...(post(source) ? { framed } : {}) })
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
