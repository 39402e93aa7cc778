/* What the page can do beyond being read: sort and filter its tables, explain
   the cells of the matrix, copy commands. All of its text is there without this
   script; whatever it shows of the records goes in as text, never as markup. */
(() => {
  'use strict';

  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const key of Object.keys(attributes))
      element.setAttribute(key, attributes[key]);
    element.append(...children);
    return element;
  };
  const all = (selector, within = document) =>
    [...within.querySelectorAll(selector)];

  /* Tables: their rows, sorted and filtered. */

  const failing = '.fail, .over';

  /* What a cell is sorted by: a number, text or nothing. A claim that broke
     without a number is worse than every number; one that held, better. */
  const keyOf = cell => {
    const shown = cell.tagName === 'TD' && cell.querySelector('b');
    const text = (shown || cell).textContent.trim().toLowerCase()
      .replace(/^[≤>] */, '');
    const number = /^-?[\d,]*\.?\d+(e[+-]?\d+)?|^-?inf/.exec(text);
    if (number)
      return Number(number[0].replace(/,/g, '').replace('inf', 'Infinity'));
    if (cell.matches('.fail'))
      return Infinity;
    if (cell.matches('.pass, .warn'))
      return -1;
    return text === '' || text === '–' || cell.matches('.none') ? null : text;
  };

  const compare = (a, b) => {
    if (typeof a === 'number' && typeof b === 'number')
      return a === b ? 0 : a < b ? -1 : 1;
    return String(a).localeCompare(String(b), 'en', {numeric: true});
  };

  class Table {
    constructor(table) {
      this.table = table;
      this.heads = [...table.tHead.rows[0].cells];
      this.bodies = [...table.tBodies].map(body => ({
        body,
        subject: body.querySelector('tr.subject'),
        rows: [...body.rows].filter(row => !row.matches('.subject')),
      }));
      this.rows = this.bodies.flatMap(part => part.rows);
      this.sorted = null;
      this.headers();
    }

    headers() {
      this.heads.forEach((head, i) => {
        const button = make('button', {type: 'button'}, ...head.childNodes);
        button.addEventListener('click', () => this.turn(i));
        head.append(button);
      });
    }

    /* Numbers from the largest, text from a; then turned; then as it was. */
    turn(column) {
      const head = this.heads[column];
      const first = this.rows.map(row => keyOf(row.cells[column]))
        .find(key => key !== null);
      const ways = typeof first === 'number' ? ['descending', 'ascending']
        : ['ascending', 'descending'];
      const was = head.getAttribute('aria-sort');
      const way = was === null ? ways[0] : was === ways[0] ? ways[1] : null;
      for (const other of this.heads)
        other.removeAttribute('aria-sort');
      this.sorted = way;
      if (way === null) {
        for (const part of this.bodies)
          part.body.append(...part.rows);
      } else {
        head.setAttribute('aria-sort', way);
        this.nameSubjects();
        this.bodies[0].body.append(...this.inOrder(column, way));
      }
      this.table.classList.toggle('mixed', way !== null);
      this.showSubjects();
    }

    inOrder(column, way) {
      const sign = way === 'ascending' ? 1 : -1;
      const keyed = this.rows.map(row => ({row, key: keyOf(row.cells[column])}));
      keyed.sort((a, b) => {
        if (a.key === null || b.key === null)
          return (a.key === null) - (b.key === null);
        return sign * compare(a.key, b.key);
      });
      return keyed.map(item => item.row);
    }

    /* Out of their groups, rows say whose they are. */
    nameSubjects() {
      if (this.named || this.bodies.length < 2)
        return;
      this.named = true;
      for (const part of this.bodies)
        for (const row of part.rows)
          if (part.subject)
            row.cells[0].append(make('small', {class: 'of'},
              part.subject.textContent));
    }

    showSubjects() {
      const columns = this.heads.filter(head => !head.hidden).length;
      for (const part of this.bodies) {
        if (!part.subject)
          continue;
        part.subject.hidden = this.sorted !== null ||
          part.rows.every(row => row.hidden);
        part.subject.cells[0].colSpan = columns;
      }
    }

    /* A word that a row has chooses rows, else one that a column has, columns.
       Returns how many rows are left. */
    filter(words, onlyFailing) {
      const grid = this.table.matches('.matrix, .accuracy');
      if (!this.texts) {
        this.texts = this.bodies.flatMap(part => part.rows.map(row =>
          ((grid ? row.cells[0] : row).textContent + ' ' +
            (part.subject ? part.subject.textContent : '')).toLowerCase()));
        this.names = this.heads.map(head => head.textContent.toLowerCase());
      }
      const ofColumns = words.filter(word => grid &&
        !this.texts.some(text => text.includes(word)) &&
        this.names.some((name, i) => i > 0 && name.includes(word)));
      const ofRows = words.filter(word => !ofColumns.includes(word));
      const columns = this.names.map((name, i) => i === 0 ||
        ofColumns.length === 0 || ofColumns.some(word => name.includes(word)));
      const bad = cell => cell.matches(failing) ||
        (!grid && cell.querySelector(failing) !== null);
      const used = columns.map((shown, i) => !grid || !onlyFailing || i === 0);
      let count = 0;
      this.rows.forEach((row, at) => {
        const cells = [...row.cells];
        const fails = cells.map((cell, i) => columns[i] && bad(cell));
        row.hidden = !ofRows.every(word => this.texts[at].includes(word)) ||
          (onlyFailing && !fails.includes(true));
        if (row.hidden)
          return;
        count++;
        fails.forEach((fail, i) => {
          used[i] = used[i] || fail;
        });
      });
      this.heads.forEach((head, i) => {
        const hidden = !columns[i] || !used[i];
        if (head.hidden === hidden)
          return;
        head.hidden = hidden;
        for (const row of this.rows)
          row.cells[i].hidden = hidden;
      });
      this.showSubjects();
      return count;
    }
  }

  /* A filter above a table or above the findings. */

  const filters = [];

  const addFilter = (before, what, total, hasSwitch, apply) => {
    const input = make('input', {type: 'search', autocomplete: 'off',
      spellcheck: 'false'});
    const box = make('input', {type: 'checkbox'});
    const status = make('output', {});
    const bar = make('div', {class: 'filter', role: 'group',
      'aria-label': `Filter: ${what}`},
    make('label', {}, 'Kernel or property ', input));
    if (hasSwitch)
      bar.append(make('label', {}, box, ' only failing'));
    bar.append(status);
    const update = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const count = apply(words, box.checked);
      status.textContent = words.length > 0 || box.checked
        ? `${count} of ${total}` : '';
    };
    input.addEventListener('input', update);
    box.addEventListener('change', update);
    filters.push(() => {
      input.value = '';
      box.checked = false;
      update();
    });
    before.before(bar);
  };

  for (const element of all('table.sortable')) {
    const table = new Table(element);
    const frame = element.closest('.filtered');
    if (frame && table.rows.length > 1)
      addFilter(frame, frame.getAttribute('aria-label'), table.rows.length,
        true, (words, only) => table.filter(words, only));
  }

  const findings = all('#findings .finding');
  if (findings.length > 1) {
    const diagnoses = all('#findings .diagnosis');
    const texts = findings.map(finding => [finding.querySelector('summary'),
      ...all('h3, .cause, .meta', finding.closest('.diagnosis'))
        .filter(part => !part.closest('.finding'))]
      .map(part => part.textContent).join(' ').toLowerCase());
    addFilter(diagnoses[0], 'Findings', findings.length, false, words => {
      findings.forEach((finding, i) => {
        finding.hidden = !words.every(word => texts[i].includes(word));
      });
      for (const diagnosis of diagnoses)
        diagnosis.hidden = words.length > 0 &&
          all('.finding', diagnosis).every(finding => finding.hidden);
      return findings.filter(finding => !finding.hidden).length;
    });
  }

  /* A link to what a filter hides shows it again; what is folded unfolds, also
     in browsers that do not see to it. */
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    const fold = target && target.closest('details');
    if (!target || !target.closest('[hidden], details:not([open])'))
      return;
    if (target.closest('[hidden]'))
      for (const clear of filters)
        clear();
    if (fold)
      fold.open = true;
    target.scrollIntoView();
  };
  addEventListener('hashchange', reveal);
  reveal();

  /* What stands behind a cell. */

  const tip = make('div', {id: 'tip', role: 'tooltip', hidden: ''});
  let told = null; /* what has the tip's text as its description */
  document.body.append(tip);

  const focusOf = cell => cell.querySelector('a') || cell;

  const hideTip = () => {
    tip.hidden = true;
    if (told)
      told.removeAttribute('aria-describedby');
    told = null;
  };

  const showTip = cell => {
    hideTip();
    told = focusOf(cell);
    told.setAttribute('aria-describedby', 'tip');
    tip.textContent = cell.dataset.tip;
    tip.hidden = false;
    placeTip();
  };

  const placeTip = () => {
    if (!told)
      return;
    const at = told.closest('td').getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const left = Math.min(at.left, document.documentElement.clientWidth -
      size.width - 8);
    const below = at.bottom + size.height < innerHeight;
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${below ? at.bottom : Math.max(at.top - size.height, 0)}px`;
  };

  const tipped = target =>
    target instanceof Element ? target.closest('td[data-tip]') : null;

  for (const table of all('table.matrix')) {
    const cells = all('td[title]', table);
    for (const cell of cells) {
      cell.dataset.tip = cell.title;
      cell.removeAttribute('title');
      if (focusOf(cell) === cell)
        cell.tabIndex = -1;
    }
    if (cells.length > 0)
      focusOf(cells[0]).tabIndex = 0;
    table.addEventListener('keydown', event => {
      const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0],
        ArrowUp: [0, -1], ArrowDown: [0, 1]};
      const step = steps[event.key], from = tipped(event.target);
      if (!step || !from)
        return;
      event.preventDefault();
      const rows = all('tbody tr:not(.subject)', table)
        .filter(row => !row.hidden);
      let column = from.cellIndex, row = rows.indexOf(from.parentNode);
      for (;;) {
        column += step[0];
        row += step[1];
        const cell = rows[row] && rows[row].cells[column];
        if (!cell)
          return;
        if (cell.hidden || !cell.dataset.tip)
          continue;
        if (focusOf(from) === from)
          from.tabIndex = -1;
        focusOf(cell).tabIndex = 0;
        focusOf(cell).focus();
        return;
      }
    });
  }
  for (const kind of ['pointerover', 'focusin'])
    document.addEventListener(kind, event => {
      const cell = tipped(event.target);
      if (cell)
        showTip(cell);
      else if (event.target !== tip)
        hideTip();
    });
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape')
      hideTip();
  });
  document.addEventListener('scroll', placeTip, true);

  /* Commands. */

  const copied = async code => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch (refused) { /* not a secure page: the older way, which selects */
      getSelection().selectAllChildren(code);
      return document.execCommand('copy');
    }
  };

  for (const pre of all('pre.replay')) {
    const code = pre.querySelector('code');
    const button = make('button', {type: 'button', class: 'copy'}, 'Copy');
    const status = make('output', {class: 'meta'});
    button.addEventListener('click', async () => {
      status.textContent = await copied(code) ? 'Copied'
        : 'Selected: press Ctrl+C';
      setTimeout(() => {
        status.textContent = '';
      }, 2000);
    });
    pre.before(make('div', {class: 'tools'}, status, button));
  }

  /* Paper shows what is folded. */

  let folded = [];
  addEventListener('beforeprint', () => {
    folded = all('details:not([open])');
    for (const details of folded)
      details.open = true;
  });
  addEventListener('afterprint', () => {
    for (const details of folded)
      details.open = false;
  });
})();
