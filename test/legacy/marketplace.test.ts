/** The examples of the marketplace's document for the front end. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { Page } from './snippet.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const FRONTEND_TEST = `
// Test connection and auto-join
const socket = io('http://localhost:3001', {
  auth: { token: userJWT }
});

socket.on('connect', () => {
  console.log('✅ Connected, testing events...');

  // Test joining specific chat
  socket.emit('join-chat', 'test_chat_id');
});

socket.on('chat-joined', (data) => {
  console.log('✅ Joined chat:', data);

  // Test sending message
  socket.emit('send-message', {
    chatId: 'test_chat_id',
    messageType: 'text',
    content: 'Test message from Socket.IO'
  });
});

socket.on('new-message', (message) => {
  console.log('✅ Received new message:', message);
});

socket.on('message-sent', (confirmation) => {
  console.log('✅ Message sent confirmed:', confirmation);
});

socket.on('error', (error) => {
  console.error(' Socket error:', error);
});
`

test('Frontend Test Implementation', async () => {
  // A room is made by joining it, so it can have the name that the document gives it.
  await server.app.core.execute(await server.actor('ann'), 'conversation.join', { conversationId: 'test_chat_id' })
  using page = new Page(server.url)
  page.run(FRONTEND_TEST, { userJWT: server.token('ann') })
  await page.called('log', ([text]) => text === '✅ Message sent confirmed:')
  const message = { chatId: 'test_chat_id', content: 'Test message from Socket.IO', messageType: 'text' }
  expect(page.calls.items).toEqual([
    ['log', '✅ Connected, testing events...'],
    ['log', '✅ Joined chat:', { chatId: 'test_chat_id', success: true, roomMembersCount: 1 }],
    ['log', '✅ Received new message:', expect.objectContaining(message)],
    ['log', '✅ Message sent confirmed:', expect.objectContaining({ success: true, chatId: 'test_chat_id' })],
  ])
})

test('the same for a chat of somebody else is an error, not a failed connection', async () => {
  using page = new Page(server.url)
  page.run(FRONTEND_TEST.replaceAll('test_chat_id', 'no_chat_of_mine'), { userJWT: server.token('bob') })
  await page.called('error', ([text]) => text === ' Socket error:')
  expect(page.calls.items.slice(0, 2)).toEqual([
    ['log', '✅ Connected, testing events...'],
    ['error', ' Socket error:', { message: 'Not authorized', code: 'UNAUTHORIZED' }],
  ])
})

/** The use cases of the events; the shapes that stand before them in the document are types. */
const USE_CASES = `
const socket = io('http://localhost:3001', { auth: { token: userJWT } });
socket.on('new-message', (message) => {
  if (message.chatId === currentChatId) {
    appendMessageToChat(message);
    scrollToBottom();
    markAsRead();
  }
})
socket.on('chat-updated', (chat) => {
  updateChatInList(chat);
  if (chat._id !== currentChatId) {
    showUnreadBadge(chat._id, chat.unreadCount[currentUserId]);
  }
})
socket.on('new-chat-notification', (data) => {
  showNotification('New chat conversation started!');
  refreshChatList();
})
socket.on('user-typing', (data) => {
  if (data.chatId === currentChatId) {
    if (data.isTyping) {
      showTypingIndicator(data.userId);
    } else {
      hideTypingIndicator(data.userId);
    }
  }
})
`
const FUNCTIONS = ['appendMessageToChat', 'scrollToBottom', 'markAsRead', 'updateChatInList', 'showUnreadBadge']
const MORE_FUNCTIONS = ['showNotification', 'refreshChatList', 'showTypingIndicator', 'hideTypingIndicator']

test('the use cases of what a front end hears', async () => {
  const { core } = server.app
  const bob = await server.actor('bob-u')
  const ann = await server.actor('ann-u')
  const { conversation } = await core.execute(bob, 'conversation.create', { memberIds: ['ann-u'] })
  const conversationId = conversation.id
  using page = new Page(server.url)
  const own = Object.fromEntries([...FUNCTIONS, ...MORE_FUNCTIONS].map((name) => [name, page.noting(name)]))
  const names = { ...own, userJWT: server.token('ann-u'), currentChatId: conversationId, currentUserId: 'ann-u' }
  const { socket } = page.run(USE_CASES, names, ['socket'])
  await new Promise((resolve) => socket.on('connect', resolve))
  // One that is undecided hears these words too; the live client speaks first.
  await new Promise((resolve) => socket.once('chat-joined', resolve).emit('join-chat', conversationId))
  await core.execute(bob, 'typing.set', { conversationId, typing: true })
  await core.execute(bob, 'typing.set', { conversationId, typing: false })
  await core.execute(bob, 'message.send', { conversationId, content: 'Hi' })
  await page.called('updateChatInList')
  expect(page.calls.items.map(([name]) => name)).toEqual([
    ...['showTypingIndicator', 'hideTypingIndicator'],
    ...['appendMessageToChat', 'scrollToBottom', 'markAsRead', 'updateChatInList'],
  ])
  const other = await core.execute(await server.actor('cid-u'), 'conversation.create', { memberIds: ['ann-u'] })
  expect(await page.called('showUnreadBadge')).toEqual(['showUnreadBadge', other.conversation.id, 0])
  expect(await page.called('showNotification')).toEqual(['showNotification', 'New chat conversation started!'])
  await page.called('refreshChatList')
  expect(ann.userId).toBe('ann-u')
})
