/** Chromium without a window, by its DevTools protocol over a pipe: as much of it as looking at a page takes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { timeLimit } from '../../lab/time-limit.js';

/** Debian's package `chromium`. */
const PROGRAM = 'chromium';

const SWITCHES = [
  '--headless',
  '--remote-debugging-pipe',
  // Tests run as root, where its sandbox does not; it meets nothing but our own page.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-extensions',
  '--disable-sync',
  '--no-first-run',
  '--no-default-browser-check',
  '--hide-scrollbars',
  '--force-color-profile=srgb',
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly sessionId?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface PageOptions {
  /** In CSS pixels; default 1280 by 800. */
  readonly width?: number;
  readonly height?: number;
  /** Pixels for each CSS pixel; default 1. */
  readonly scale?: number;
  readonly dark?: boolean;
  /** Default yes. */
  readonly javaScript?: boolean;
}

export class Chromium implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(message: Message) => void>();
  #lastId = 0;

  private constructor(child: ChildProcess, profile: string) {
    this.#process = child;
    this.#profile = profile;
    let unfinished = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const texts = (unfinished + text).split('\0');
      unfinished = texts.pop() ?? '';
      for (const each of texts) this.#hear(JSON.parse(each) as Message);
    });
    (child.stdio[3] as Writable).on('error', () => undefined);
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('chromium ended'));
      this.#waiting.clear();
    });
  }

  /** Rejects when there is none, or when it does not start. */
  static async start(): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
    const args = [...SWITCHES, `--user-data-dir=${profile}`];
    const child = spawn('nice', [PROGRAM, ...args], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      // It writes its crash reports there.
      env: { ...process.env, HOME: profile },
    });
    await once(child, 'spawn');
    const browser = new Chromium(child, profile);
    await browser.send('Browser.getVersion');
    return browser;
  }

  async open(url: string, options: PageOptions = {}): Promise<Page> {
    const { width = 1280, height = 800, scale = 1, dark = false, javaScript = true } = options;
    const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    });
    const page = new Page(this, targetId, sessionId);
    await page.send('Page.enable');
    await page.send('Runtime.enable');
    await page.send('Log.enable');
    await page.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: scale,
      mobile: false,
    });
    // So that each of several pages thinks that it is the one that is looked at.
    await page.send('Emulation.setFocusEmulationEnabled', { enabled: true });
    await page.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
    });
    if (!javaScript) await page.send('Emulation.setScriptExecutionDisabled', { value: true });
    await page.go(url);
    return page;
  }

  send<Result>(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      const message = { id, method, params, ...(sessionId === undefined ? {} : { sessionId }) };
      (this.#process.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    });
  }

  /** Calls back for each event of that kind until the returned function is called. */
  on(sessionId: string, method: string, listener: (params: unknown) => void): () => void {
    const hear = (message: Message): void => {
      if (message.sessionId === sessionId && message.method === method) listener(message.params);
    };
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    await this.send('Browser.close').catch(() => undefined);
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #hear(message: Message): void {
    if (message.id === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new Error(message.error.message));
  }
}

export class Page implements AsyncDisposable {
  /** What it complained of: errors, and what the policy kept it from. */
  readonly complaints: string[] = [];
  readonly #browser: Chromium;
  readonly #targetId: string;
  /** What its events are told by. */
  readonly session: string;

  constructor(browser: Chromium, targetId: string, sessionId: string) {
    this.#browser = browser;
    this.#targetId = targetId;
    this.session = sessionId;
    browser.on(sessionId, 'Runtime.exceptionThrown', (params) => {
      const { exceptionDetails: details } = params as {
        exceptionDetails: { text: string; exception?: { description?: string } };
      };
      this.complaints.push(details.exception?.description ?? details.text);
    });
    browser.on(sessionId, 'Log.entryAdded', (params) => {
      const { entry } = params as { entry: { level: string; text: string; url?: string } };
      if (entry.level === 'error' || entry.level === 'warning')
        this.complaints.push(`${entry.text} ${entry.url ?? ''}`.trim());
    });
  }

  send<Result>(method: string, params: object = {}): Promise<Result> {
    return this.#browser.send<Result>(method, params, this.session);
  }

  async go(url: string): Promise<void> {
    const { promise, resolve } = withResolvers();
    const forget = this.#browser.on(this.session, 'Page.loadEventFired', resolve);
    await this.send('Page.navigate', { url });
    await promise;
    forget();
  }

  /** The value of an expression, awaited if it is a promise; works where the page's own scripts are off, too. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.send<{
      result: { value: Value };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits for an expression to be true, looking at each change of the document. */
  async until(expression: string, timeoutMs = 15_000): Promise<void> {
    const come = await this.evaluate<boolean>(`new Promise((resolve) => {
      const look = () => { if (${expression}) { observer.disconnect(); resolve(true); } };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      setTimeout(() => { observer.disconnect(); resolve(false); }, ${timeLimit(timeoutMs)});
      look();
    })`);
    if (!come) throw new Error(`it never came to be that ${expression}: ${await this.text()}`);
  }

  /** What is to be read, as it is rendered. */
  text(): Promise<string> {
    return this.evaluate<string>('document.body.innerText');
  }

  async press(key: string): Promise<void> {
    const text = key === 'Enter' ? '\r' : undefined;
    await this.send('Input.dispatchKeyEvent', {
      type: 'keyDown',
      key,
      code: key,
      windowsVirtualKeyCode: key === 'Tab' ? 9 : 13,
      ...(text === undefined ? {} : { text }),
    });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key });
  }

  /** PNG of the whole document, or of its first `height` pixels. */
  async screenshot(height?: number): Promise<Buffer> {
    const { cssContentSize: all } = await this.send<{ cssContentSize: { width: number; height: number } }>(
      'Page.getLayoutMetrics',
    );
    const { data } = await this.send<{ data: string }>('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width: all.width, height: height ?? all.height, scale: 1 },
    });
    return Buffer.from(data, 'base64');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#targetId });
  }
}

function withResolvers(): { promise: Promise<unknown>; resolve: (value?: unknown) => void } {
  let resolve: (value?: unknown) => void = () => undefined;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
