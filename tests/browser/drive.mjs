// Takes {chromium, steps} as JSON on stdin, does one step after the other as a person would, and prints what each saw.
import { text } from 'node:stream/consumers'
import { chromium } from 'playwright-core'

const SIZE = { width: 1400, height: 900 }
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
const MILLISECONDS = 30_000

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
    for (const [label, value] of Object.entries(fields)) await fillOne(page, label, String(value))
  },
  async gone(page, { role }) {
    await page.getByRole(role).waitFor({ state: 'hidden' })
  },
  async shot(page, { path }) {
    await page.evaluate(() => document.fonts.ready)
    await page.screenshot({ path, animations: 'disabled' })
  },
}

// An open dialog lies in front of the page.
async function front(page) {
  const dialog = page.getByRole('dialog')
  return (await dialog.count()) ? dialog : page.locator('body')
}

async function fillOne(page, label, value) {
  const place = await front(page)
  const named = new RegExp(`^${label}( \\(Optional\\))?$`)
  const id = await place.locator('label').filter({ hasText: named }).first().getAttribute('for')
  const field = page.locator(`[id="${id}"]`)
  if ((await field.getAttribute('aria-haspopup')) !== 'listbox') return await field.fill(value)
  await field.click()
  await page.getByRole('option', { name: value }).click()
}

async function onlyThisMachine(route) {
  const { hostname } = new URL(route.request().url())
  await (['127.0.0.1', 'localhost'].includes(hostname) ? route.continue() : route.abort())
}

const { chromium: executablePath, steps } = JSON.parse(await text(process.stdin))
const browser = await chromium.launch({ executablePath, args: FLAGS })
const page = await browser.newPage({ viewport: SIZE })
const seen = []
try {
  page.setDefaultTimeout(MILLISECONDS)
  await page.route('**/*', onlyThisMachine)
  for (const step of steps) {
    seen.push((await STEPS[step.do](page, step)) ?? null)
  }
} catch (error) {
  const at = steps[seen.length]
  console.error(`${JSON.stringify(at)}: ${error.message}\nThe page says:\n${await page.locator('body').innerText()}`)
  process.exitCode = 1
} finally {
  await browser.close()
}
console.log(JSON.stringify(seen))
