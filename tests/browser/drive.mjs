// Each line of stdin is a step as JSON, which is done as a person would. A line {seen} or {error} answers each.
// It ends, and its browser with it, when its input ends.
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const SIZE = { width: 1400, height: 900 }
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
const MILLISECONDS = 60_000
const SETTLING = 1000
const BLANK_BYTES = 8000 // of a picture of an empty timeline

const STEPS = {
  async open(page, { url, until }) {
    await page.goto(url)
    await page.getByText(until).first().waitFor()
  },
  async tab(page, { name, until }) {
    await page.getByRole('tab', { name, exact: true }).click()
    const panel = page.getByRole('tabpanel').filter({ visible: true })
    if (until) await panel.getByText(until).first().waitFor()
    return await panel.innerText()
  },
  async menu(page, { item }) {
    await page.getByRole('button', { name: 'Open menu' }).first().click()
    await page.getByRole('menuitem', { name: item, exact: true }).click()
  },
  async press(page, { name, until }) {
    await (await front(page)).getByRole('button', { name, exact: true }).click()
    if (until) await page.getByText(until).first().waitFor()
  },
  async click(page, { text, until }) {
    await page.getByText(text).first().click()
    if (until) await page.getByText(until).first().waitFor()
  },
  async read(page, { until }) {
    const place = await front(page)
    if (until) await place.getByText(until).first().waitFor()
    return await place.innerText()
  },
  async fill(page, { fields }) {
    for (const [label, value] of Object.entries(fields)) await fillIn(page, await fieldOf(page, label), value)
  },
  async gone(page, { role }) {
    await page.getByRole(role).waitFor({ state: 'hidden' })
  },
  async see(page, { text }) {
    await page.getByText(text).first().scrollIntoViewIfNeeded()
  },
  async key(page, { name }) {
    await page.keyboard.press(name)
  },
  async point(page, { selector }) {
    await page.locator(selector).first().click()
  },
  async ask(page, { code }) {
    return await page.evaluate(code)
  },
  async look(page, { width, height, dark }) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
  },
  async shot(page, { path, drawn }) {
    if (drawn) await canvasIsDrawn(page)
    await page.evaluate(() => document.fonts.ready)
    await page.waitForTimeout(SETTLING)
    await page.screenshot({ path })
  },
}

// The timeline of a run draws itself slowly without a graphics card, and no text says when it has.
async function canvasIsDrawn(page) {
  const canvas = page.locator('canvas').first()
  for (let left = MILLISECONDS; left > 0; left -= SETTLING) {
    if ((await canvas.screenshot()).length > BLANK_BYTES) return
    await page.waitForTimeout(SETTLING)
  }
  throw new Error('the timeline of the run was not drawn')
}

// An open dialog lies in front of the page.
async function front(page) {
  const dialog = page.getByRole('dialog')
  return (await dialog.count()) ? dialog : page.locator('body')
}

async function fieldOf(page, label) {
  const named = page.locator('label').filter({ hasText: new RegExp(`^${label}( \\(Optional\\))?$`) })
  return (await front(page)).locator('.group').filter({ has: named }).last().locator('fieldset').first()
}

async function fillIn(page, field, value) {
  if (Array.isArray(value)) return await addItems(field, value)
  const none = field.getByRole('tab', { name: 'None', exact: true, selected: true })
  if (await none.count()) await field.getByRole('tab').first().click()
  const list = field.locator('[aria-haspopup=listbox]')
  if (!(await list.count())) return await field.locator('input, textarea').first().fill(String(value))
  await list.click()
  await page.getByRole('option', { name: value }).click()
}

async function addItems(field, values) {
  for (const value of values) {
    await field.getByRole('button', { name: 'Add item' }).click()
    await field.locator('input, textarea').last().fill(String(value))
  }
}

async function onlyThisMachine(route) {
  const { protocol, hostname } = new URL(route.request().url())
  await (protocol === 'file:' || ['127.0.0.1', 'localhost'].includes(hostname) ? route.continue() : route.abort())
}

async function answer(page, step) {
  try {
    return { seen: (await STEPS[step.do](page, step)) ?? null }
  } catch (error) {
    return { error: `${JSON.stringify(step)}: ${error.message}\nThe page says:\n${await page.locator('body').innerText()}` }
  }
}

const browser = await chromium.launch({ executablePath: process.argv[2], args: FLAGS })
const page = await browser.newPage({ viewport: SIZE })
page.setDefaultTimeout(MILLISECONDS)
await page.route('**/*', onlyThisMachine)
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(page, JSON.parse(line))))
}
await browser.close()
