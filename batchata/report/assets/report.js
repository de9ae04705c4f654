'use strict'
{
  const byId = (id) => document.getElementById(id)
  const rows = [...document.querySelectorAll('#rows button')]
  const SOME = 300
  let fitting = rows
  let listed = SOME
  let item = null
  let buttons = []
  let chosen = { field: -1, cite: 0 }
  let shown = null

  // What an item holds was written by others: it becomes text and attributes, never markup.
  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag)
    put(made, attributes)
    made.append(...children)
    return made
  }

  function draw(tag, attributes) {
    return put(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes)
  }

  function put(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name === 'onclick') element.addEventListener('click', value)
      else if (value !== null && value !== false) element.setAttribute(name, value)
    }
    return element
  }

  // The list

  function filter() {
    const words = byId('words').value.toLowerCase().split(/\s+/).filter(Boolean)
    const outcome = byId('outcome').value
    fitting = rows.filter((row) => fitsOutcome(row, outcome) &&
      words.every((word) => row.dataset.words.includes(word)) &&
      (!byId('lacking').checked || row.dataset.lacking !== '0') &&
      (!byId('unmarked').checked || row.dataset.unmarked !== '0'))
    list(SOME)
  }

  // A browser takes minutes to lay ten thousand rows out.
  function list(most) {
    listed = most
    const here = new Set(fitting.slice(0, most))
    for (const row of rows) {
      if (row.parentElement.hidden === here.has(row)) row.parentElement.hidden = !here.has(row)
    }
    byId('further').hidden = fitting.length <= most
    byId('count').textContent = `${fitting.length.toLocaleString('en')} of ${rows.length.toLocaleString('en')} items`
  }

  function fitsOutcome(row, outcome) {
    if (outcome.startsWith('!')) return row.dataset.outcome !== outcome.slice(1)
    return !outcome || row.dataset.outcome === outcome
  }

  function current() {
    return rows.find((row) => row.hasAttribute('aria-current'))
  }

  function step(by) {
    const at = fitting.indexOf(current())
    const place = at < 0 ? 0 : at + by
    const next = fitting[place]
    if (place >= listed) list(place + SOME)
    if (next) openItem(next)
    return Boolean(next)
  }

  function openItem(row) {
    current()?.removeAttribute('aria-current')
    row.setAttribute('aria-current', 'true')
    row.scrollIntoView({ block: 'nearest' })
    item = JSON.parse(byId(`item-${row.dataset.item}`).textContent)
    history.replaceState(null, '', `#${row.dataset.item}`)
    showItem()
    choose(item.fields.findIndex((field) => field.cites.length))
  }

  // The item

  function showItem() {
    const facts = item.facts.map(([name, value]) => make('span', {}, `${name} `, make('b', {}, value)))
    byId('item').replaceChildren(
      make('h2', {}, item.title),
      ...(item.source && item.source !== item.title ? [make('p', { class: 'source' }, item.source)] : []),
      make('p', { class: 'facts' }, ...facts),
      ...item.notes.map((note) => make('p', { class: 'note' }, note)),
      ...(item.outcome === 'succeeded' ? [] : [failure()]),
      make('div', { class: 'fields' }, ...fieldList()),
    )
    byId('item').scrollTop = 0
    buttons = [...document.querySelectorAll('.field')]
    chosen = { field: -1, cite: 0 }
    shown = null
  }

  function failure() {
    return make('div', { class: `reason is-${item.outcome}` }, make('b', {}, item.outcome), item.reason)
  }

  function fieldList() {
    let group = ''
    return item.fields.flatMap((field, number) => {
      const cut = field.path.lastIndexOf('.')
      const now = cut < 0 ? '' : field.path.slice(0, cut)
      const heading = now && now !== group ? [make('div', { class: 'group' }, now)] : []
      group = now
      return [...heading, fieldRow(field, number, field.path.slice(cut + 1))]
    })
  }

  function fieldRow(field, number, name) {
    const [told, warns] = chip(field)
    const shown = field.kind === 'unknown' ? 'not known under this name' : field.shown
    const button = make('button', { type: 'button', class: 'field', title: field.path, onclick: () => choose(number) },
      make('span', { class: 'name' }, name),
      make('span', { class: `shown ${field.kind}` }, shown),
      make('span', { class: `chip${warns ? ' warn' : ''}` }, told))
    return make('div', { 'data-path': field.path }, button)
  }

  function chip(field) {
    if (field.lacks) return ['no citation', true]
    if (!field.cites.length) return ['', false]
    const places = [...new Set(field.cites.map((cite) => cite.where))]
    const told = places.length > 2 ? `${places.length} places` : places.join(', ')
    const unmarked = field.cites.some((cite) => !cite.marks.length)
    return [unmarked ? `${told}, not marked` : told, unmarked]
  }

  function choose(number, cite = 0) {
    setCurrent(buttons[chosen.field], false)
    setCurrent(buttons[number], true)
    document.querySelector('.quotes')?.remove()
    chosen = { field: number, cite }
    const field = item.fields[number]
    if (field) openField(field)
    showSheet(field ? field.cites[cite]?.sheet ?? null : 0)
  }

  function setCurrent(element, is) {
    if (is) element?.setAttribute('aria-current', 'true')
    else element?.removeAttribute('aria-current')
  }

  function openField(field) {
    const button = buttons[chosen.field]
    if (field.cites.length) button.after(make('div', { class: 'quotes' }, ...field.cites.map(quote)))
    button.parentElement.scrollIntoView({ block: 'nearest' })
  }

  function quote(cite, number) {
    const words = make('span', { class: 'words' })
    const [start, end] = cite.value ?? [0, 0]
    const characters = [...cite.text]
    const part = (from, to) => characters.slice(from, to).join('')
    words.append(part(0, start), ...(cite.value ? [make('mark', {}, part(start, end))] : []), part(end))
    const notes = cite.note ? [make('small', { class: 'warn' }, cite.note)] : []
    const attributes = { type: 'button', class: 'quote', 'aria-current': number === chosen.cite ? 'true' : null }
    return make('button', { ...attributes, onclick: () => choose(chosen.field, number) },
      words, make('small', {}, `${cite.where} · ${cite.rule}`), ...notes)
  }

  // The source

  function showSheet(number) {
    const sheet = item.sheets[number]
    if (!sheet) byId('viewer').replaceChildren(...tabs(number), make('p', { class: 'empty' }, whyNothing()))
    else if (shown !== sheet || sheet.excerpts) {
      byId('viewer').replaceChildren(...tabs(number), make('div', { class: 'stage' }, paper(number)))
    }
    shown = sheet
    if (sheet?.picture !== undefined) markChosen(byId('viewer').querySelector('.chosen'), number)
    byId('viewer').querySelector('.on')?.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' })
  }

  function whyNothing() {
    const field = item.fields[chosen.field]
    if (item.outcome !== 'succeeded') return 'There is no result, so nothing was cited.'
    if (!item.asked) return 'No citations were asked for, so there is nothing to mark.'
    if (field?.cites.length) return 'The source cannot be shown here. The cited words are beside the field.'
    return field ? 'This field has no citation.' : 'No field of this item has a citation.'
  }

  function tabs(current) {
    if (!item.sheets.length) return []
    const turns = item.sheets.map((sheet, number) => make('button', {
      type: 'button', 'aria-pressed': String(number === current), onclick: () => showSheet(number),
    }, sheet.title))
    return [make('div', { class: 'tabs', role: 'group', 'aria-label': 'Pages' }, ...turns)]
  }

  function paper(number) {
    const sheet = item.sheets[number]
    if (sheet.excerpts) return make('div', {}, ...sheet.excerpts.map((each) => make('div', { class: 'prose' }, ...text(each, number))))
    const source = byId(`picture-${sheet.picture}`).textContent
    const image = make('img', { src: source, alt: `${item.title}, ${sheet.title}`, width: sheet.width, height: sheet.height })
    const marks = draw('svg', { viewBox: `0 0 ${sheet.width} ${sheet.height}`, 'aria-hidden': 'true' })
    const all = draw('g', { class: 'all' })
    all.append(...once(marksOn(number).flatMap((mark) => rectangles(mark, mark.boxes, 'mark'))))
    marks.append(all, draw('g', { class: 'chosen' }))
    return make('div', { class: 'sheet' }, image, marks)
  }

  // Fields that share a citation share its place.
  function once(drawn) {
    const places = drawn.map((each) => [['x', 'y', 'width', 'height'].map((name) => each.getAttribute(name)).join(), each])
    return [...new Map(places).values()]
  }

  function markChosen(group, number) {
    const marks = marksOn(number).filter(tone)
    group.replaceChildren(...marks.flatMap((mark) => [
      ...rectangles(mark, mark.boxes, `mark${tone(mark)}`), ...rectangles(mark, mark.value, `value${tone(mark)}`),
    ]))
  }

  function rectangles(mark, boxes, name) {
    return boxes.map(([x, y, width, height]) => {
      const drawn = draw('rect', { x, y, width, height, rx: 1.5, class: name, onclick: () => choose(mark.field, mark.cite) })
      drawn.append(draw('title', {}))
      drawn.firstChild.textContent = item.fields[mark.field].path
      return drawn
    })
  }

  function marksOn(number) {
    return item.fields.flatMap((field, at) => field.cites.flatMap((cite, which) =>
      cite.marks.filter((mark) => mark.sheet === number).map((mark) => ({ ...mark, field: at, cite: which }))))
  }

  function tone(mark) {
    if (mark.field !== chosen.field) return ''
    return mark.cite === chosen.cite ? ' on' : ' near'
  }

  function text(excerpt, number) {
    const marks = marksOn(number)
    return excerpt.map(([words, numbers, values]) => {
      const here = marks.filter((mark) => numbers.includes(mark.number))
      if (!here.length) return words
      const first = here.find((mark) => tone(mark)) ?? here[0]
      const value = tone(first) && values.includes(first.number) ? 'value' : ''
      return make('mark', { class: value + tone(first), onclick: () => choose(first.field, first.cite) }, words)
    })
  }

  // The keyboard

  function stepField(by) {
    if (!item) return step(1)
    const next = chosen.field + by
    if (item.fields[next]) return choose(next)
    if (step(by) && by < 0) choose(item.fields.length - 1)
  }

  function stepCite(by) {
    if (item?.fields[chosen.field]?.cites[chosen.cite + by]) choose(chosen.field, chosen.cite + by)
  }

  const KEYS = {
    j: () => step(1), k: () => step(-1), ArrowDown: () => stepField(1), ArrowUp: () => stepField(-1),
    ArrowLeft: () => stepCite(-1), ArrowRight: () => stepCite(1), '/': () => byId('words').focus(),
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target.matches('input, select')) {
      if (event.key === 'Escape') event.target.blur()
      return
    }
    if (!KEYS[event.key]) return
    event.preventDefault()
    KEYS[event.key]()
  }

  // On paper all pages of the item are there.

  function unfold() {
    if (!item?.sheets.length) return
    shown = null
    byId('viewer').replaceChildren(make('div', { class: 'stage' }, ...item.sheets.map((_, number) => paper(number))))
  }

  function fold() {
    const hidden = byId('summary').toggleAttribute('hidden')
    document.querySelector('.top').toggleAttribute('data-alone', hidden)
    byId('fold').textContent = hidden ? 'Show summary' : 'Hide summary'
    byId('fold').setAttribute('aria-expanded', String(!hidden))
  }

  for (const row of rows) row.addEventListener('click', () => openItem(row))
  for (const id of ['words', 'outcome', 'lacking', 'unmarked']) byId(id).addEventListener('input', filter)
  byId('further').addEventListener('click', () => list(listed + SOME))
  byId('fold').addEventListener('click', fold)
  document.addEventListener('keydown', onKey)
  window.addEventListener('beforeprint', unfold)
  window.addEventListener('afterprint', () => item && choose(chosen.field, chosen.cite))
  filter()
  const asked = rows.find((row) => row.dataset.item === location.hash.slice(1)) ?? rows[0]
  if (asked) openItem(asked)
}
