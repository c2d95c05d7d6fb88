// SPDX-License-Identifier: Apache-2.0
// messages.mjs PAGE: the messages that a manual page quotes and no source of
// calve has, one a line. Quoted are `.Dl` lines, but for commands ("$ ..."),
// and the heads of `.It Li`; "..." stands for what varies. A message has to
// stand in one string of the sources, conversions of printf where it varies.
import { readFileSync, readdirSync } from 'fs'

const sources = ['common', 'coordinator', 'worker', 'schemas']
	.flatMap(dir => readdirSync(dir, { recursive: true }).map(f => `${dir}/${f}`))

/* Adjacent literals are one string, as the compiler takes them. */
function stringsOfC(text) {
	const literal = '"(?:[^"\\\\\\n]|\\\\.)*"'
	const joint = '(?:\\s|PRI[a-zA-Z0-9]+)*'
	const found = text.replace(/\/\*[^]*?\*\//g, ' ')
		.matchAll(new RegExp(`${literal}(?:${joint}${literal})*`, 'g'))
	return [...found].map(m => m[0].replaceAll(/"(?:\s|PRI[a-zA-Z0-9]+)*"/g, '')
		.slice(1, -1).replaceAll('\\"', '"'))
}

function stringsOfSql(text) {
	return [...text.replaceAll(/--.*/g, '').matchAll(/'(?:[^']|'')*'(?:\s+'(?:[^']|'')*')*/g)]
		.map(m => m[0].replaceAll(/'\s+'/g, '').slice(1, -1).replaceAll("''", "'"))
}

const strings = sources.flatMap(f => {
	const text = () => readFileSync(f, 'utf8')
	return /\.[ch]$/.test(f) ? stringsOfC(text()) : /\.sql$/.test(f) ? stringsOfSql(text()) : []
})

const escape = text => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
const quoted = readFileSync(process.argv[2], 'utf8').split('\n')
	.map(line => /^\.(?:Dl|It Li) (?!\$ )(.*)$/.exec(line)?.[1])
	.filter(text => text !== undefined)
for (const message of quoted) {
	const parts = message.split('...').map(part => escape(part.trim()))
	const pattern = new RegExp(parts.join('.*'))
	if (parts.join('').length < 10 || !strings.some(s => pattern.test(s)))
		console.log(message)
}
if (quoted.length === 0)
	console.log('no message is quoted')
