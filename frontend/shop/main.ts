// The demo shop's toys: a bag that lives in this browser, and a button that opens the chat.

import "./shop.css";
import "./phone";

interface Line {
  sku: string;
  name: string;
  size: string;
  price: number;
  count: number;
}

const KEY = `shop:${document.documentElement.dataset.brand}`;
const bag = document.querySelector<HTMLButtonElement>("[data-bag]")!;
const basket = document.querySelector<HTMLDialogElement>("[data-basket]")!;

function lines(): Line[] {
  return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Line[];
}

function keep(all: Line[]) {
  localStorage.setItem(KEY, JSON.stringify(all));
  draw();
}

function add(line: Line) {
  const all = lines();
  const same = all.find((other) => other.sku === line.sku && other.size === line.size);
  if (same) same.count++;
  else all.push(line);
  keep(all);
  basket.showModal();
}

function draw() {
  const all = lines();
  bag.hidden = false;
  bag.querySelector("[data-count]")!.textContent = `${all.reduce((sum, line) => sum + line.count, 0)}`;
  basket.querySelector("[data-lines]")!.replaceChildren(...all.map(row));
  basket.querySelector("[data-total]")!.textContent = euros(all.reduce((sum, line) => sum + line.count * line.price, 0));
}

function row(line: Line): HTMLElement {
  const item = document.createElement("li");
  item.append(`${line.count} × ${line.name}, ${line.size}`, Object.assign(document.createElement("span"), { textContent: euros(line.count * line.price) }));
  return item;
}

function euros(cents: number): string {
  return new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" }).format(cents / 100);
}

bag.addEventListener("click", () => basket.showModal());
basket.querySelector("[data-empty]")!.addEventListener("click", () => keep([]));
for (const form of document.querySelectorAll<HTMLFormElement>("[data-add]"))
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { sku = "", name = "", price = "0" } = form.dataset;
    chat()?.event("added_to_bag");
    add({ sku, name, price: Number(price), size: `${new FormData(form).get("size")}`, count: 1 });
  });
interface Chat {
  open(): void;
  consent(given: boolean): void;
  event(name: string): void;
}
const chat = () => (window as Window & { parley?: Chat }).parley;

// What the customer agreed to holds until they change their mind.
const agree = document.querySelector<HTMLInputElement>("[data-agree]")!;
agree.checked = localStorage.getItem("shop:agreed") === "1";
agree.addEventListener("change", () => {
  localStorage.setItem("shop:agreed", agree.checked ? "1" : "0");
  chat()?.consent(agree.checked);
});
addEventListener("load", () => agree.checked && chat()?.consent(true));
for (const ask of document.querySelectorAll("[data-ask]"))
  ask.addEventListener("click", () => chat()?.open());
draw();
