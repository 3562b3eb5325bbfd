/**
 * Keeps the page current in a browser: it fetches the page again and changes only what differs, so that focus, selection,
 * scroll position and opened parts stay. It sends nothing but requests for the page.
 */
export const SCRIPT = String.raw`
'use strict';
(() => {
  const EVERY_MS = 2000, LONGEST_MS = 30000, TIMEOUT_MS = 10000, MOST_NEWS = 3;
  const [page, news, lost] = ['page', 'news', 'lost'].map((id) => document.getElementById(id));
  const clock = (date) => date.toTimeString().slice(0, 8);
  let failures = 0, goodAt = new Date(), timer = 0, busy = false;

  // Makes one element like another, in place.
  function sync(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.isEqualNode(fresh)) return;
    // What the reader opened or closed stays so, until its state gets worse.
    if (fresh.open && old.dataset.open !== fresh.dataset.open) old.open = true;
    for (const { name } of [...old.attributes])
      if (name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value);
    const keyed = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const key = child.dataset?.key;
      const alike = at !== null && at.nodeName === child.nodeName && !at.dataset?.key && !key;
      const twin = key ? keyed.get(key) : alike ? at : undefined;
      if (twin === undefined) {
        old.insertBefore(document.importNode(child, true), at);
        continue;
      }
      if (twin === at) at = at.nextSibling;
      else old.insertBefore(twin, at);
      sync(twin, child);
    }
    while (at !== null) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  const transitions = () => [...page.querySelectorAll('li[data-key]')];

  function show(fresh) {
    if (fresh.documentElement.dataset.build !== document.documentElement.dataset.build) {
      if (fresh.documentElement.dataset.build) location.reload();
      throw new Error('not a status page');
    }
    const known = new Set(transitions().map((item) => item.dataset.key));
    const focused = document.activeElement;
    sync(page, fresh.getElementById('page'));
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    document.title = fresh.title;
    const [icon, freshIcon] = [document, fresh].map((one) => one.querySelector('link[rel=icon]'));
    if (icon.href !== freshIcon.href) icon.href = freshIcon.href;
    const said = transitions().filter((item) => !known.has(item.dataset.key)).map((item) => item.querySelector('.said').textContent);
    if (said.length > 0)
      news.textContent = said.slice(0, MOST_NEWS).join('. ') + (said.length > MOST_NEWS ? '. And ' + (said.length - MOST_NEWS) + ' more' : '');
  }

  function setLive(words) {
    page.querySelector('.live').textContent = words;
  }

  async function update() {
    if (busy || document.hidden) return;
    busy = true;
    const begunAt = performance.now();
    try {
      const response = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!response.ok) throw new Error('status ' + response.status);
      show(new DOMParser().parseFromString(await response.text(), 'text/html'));
      failures = 0;
      goodAt = new Date();
      lost.hidden = true;
      lost.textContent = '';
    } catch (error) {
      failures += 1;
      const words = 'Connection lost since ' + clock(goodAt) + ': this page shows what was known then. Trying again.';
      if (lost.textContent !== words) lost.textContent = words;
      lost.hidden = false;
    }
    busy = false;
    // A slow page is fetched less often.
    const everyMs = Math.max(EVERY_MS, 10 * (performance.now() - begunAt));
    const inMs = Math.min(LONGEST_MS, failures === 0 ? everyMs : EVERY_MS * 2 ** (failures - 1));
    setLive(failures === 0 ? ', live' : '');
    clearTimeout(timer);
    timer = setTimeout(update, inMs);
  }

  document.addEventListener('visibilitychange', update);
  addEventListener('online', update);
  setLive(', live');
  timer = setTimeout(update, EVERY_MS);
})();
`;
