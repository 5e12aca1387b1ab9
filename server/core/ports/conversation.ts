import type {
  Conversation,
  ConversationDetail,
  ConversationKind,
  ConversationSummary,
  Member,
  MemberRole,
  Wishes,
} from '../../../shared/model.ts'

/** What a policy needs to know of somebody in a conversation. */
export interface Standing {
  readonly kind: ConversationKind
  readonly role: MemberRole
  /** Messages up to this seq were written before the member (last) joined. */
  readonly joinedSeq: number
  readonly historyVisible: boolean
  /** Direct: one of the two has blocked the other. */
  readonly blocked: boolean
}

export interface SummaryPage {
  readonly conversations: ConversationSummary[]
  readonly next: string | null
}

export interface ListFilter {
  readonly kind?: ConversationKind | undefined
  /** Only what the user has archived, or only the rest. */
  readonly archived?: boolean | undefined
}

export interface ConversationReads {
  get(id: string): Promise<Conversation | null>
  direct(a: string, b: string): Promise<Conversation | null>
  detail(id: string, forUser: string): Promise<ConversationDetail | null>
  /** Pinned ones first, newest activity first, keyset pages. INVALID_INPUT for an `after` that no page gave. */
  list(
    userId: string,
    page: ListFilter & {
      after?: string | undefined
      /** So many are left out first. */
      skip?: number | undefined
      limit: number
    },
  ): Promise<SummaryPage>
  count(userId: string, which: ListFilter): Promise<number>
}

export interface MemberReads {
  /** Null when not a member now (or there is no such conversation). */
  standing(conversationId: string, userId: string): Promise<Standing | null>
  list(conversationId: string, userIds: readonly string[]): Promise<Member[]>
  /** Who owns the conversation without this user: another owner, else the admin, else the member who joined first. */
  heir(conversationId: string, userId: string): Promise<{ userId: string; role: MemberRole } | null>
  /** Whether somebody is a member for whom what is at `seq` is hidden, because they joined later. */
  latecomers(conversationId: string, seq: number): Promise<boolean>
  /** At most `limit` members, by user id. */
  names(conversationId: string, limit: number): Promise<{ userId: string; name: string }[]>
  /** At most 200 members whose id, or name whatever its case, is among these; by id first, then the longest names. */
  called(conversationId: string, names: readonly string[]): Promise<{ userId: string; name: string }[]>
}

export interface ConversationWrites {
  /** Locks these conversations until the commit. Unknown ids are passed over. Call it once, before any change. */
  lock(conversationIds: readonly string[]): Promise<void>
  /** Null when the id, or for a direct conversation its pair, is taken (also by a write that is still running: it waits). */
  createConversation(conversation: {
    id: string
    kind: ConversationKind
    title: string | null
    context: Conversation['context']
    historyVisible: boolean
    joinPolicy: Conversation['joinPolicy']
    createdBy: string
    pair: readonly [string, string] | null
  }): Promise<Conversation | null>
  updateConversation(
    id: string,
    change: Partial<Pick<Conversation, 'title' | 'context' | 'historyVisible' | 'joinPolicy'>>,
  ): Promise<Conversation>
}

export interface MemberWrites {
  /** Those who were not members; they see the log from the event that reports them (`conversation.created` or `member.added`). */
  addMembers(conversationId: string, userIds: readonly string[], role: MemberRole): Promise<Member[]>
  /** False if not a member. They see the log up to and including the `member.removed` that reports it. */
  removeMember(conversationId: string, userId: string): Promise<boolean>
  setRole(conversationId: string, userId: string, role: MemberRole): Promise<void>
  view(conversationId: string, userId: string): Promise<Date>
  /** Sets what is given of a member's own wishes. FORBIDDEN if not a member. */
  configure(
    conversationId: string,
    userId: string,
    change: { readonly [K in keyof Wishes]?: Wishes[K] | undefined },
  ): Promise<{ wishes: Wishes; changed: boolean }>
}
