/** What the support bot says by itself: the first rule whose pattern is in the lower-cased text. */
interface Rule {
  readonly pattern: RegExp
  readonly reply: string
}

const RULES: readonly Rule[] = [
  { pattern: /\b(hello|hi)\b/, reply: 'Hello! How can I help you today?' },
  {
    pattern: /sleep/,
    reply: 'A regular bedtime is the best help for good sleep. Ask me about your schedule to set one.',
  },
  { pattern: /schedule/, reply: 'You can set a bedtime and the days it is for, and I will remind you in time.' },
  { pattern: /help/, reply: 'You can ask me about sleep and about your schedule. What would you like to know?' },
]
const DEFAULT = 'Thank you for your message. Our support team will answer you soon.'

export function replyTo(text: string): string {
  const said = text.toLowerCase()
  return RULES.find(({ pattern }) => pattern.test(said))?.reply ?? DEFAULT
}
