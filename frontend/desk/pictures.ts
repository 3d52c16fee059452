// Pictures inside an answer: `[picture.png]` in the text is where an attached picture stands in the mail.

const KINDS = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export const isPicture = (file: File): boolean => KINDS.includes(file.type);
export const mark = (file: File): string => `[${file.name}]`;

/** Pasted pictures are all called the same; each gets a name of its own among those that are there. */
export function named(fresh: File[], there: File[]): File[] {
  const taken = new Set(there.map((file) => file.name));
  return fresh.map((file) => {
    let name = file.name.replace(/[[\]\r\n]/g, "_");
    const [, stem = name, ending = ""] = /^(.*?)(\.[^.]*)?$/.exec(name) ?? [];
    for (let number = 2; taken.has(name); number++) name = `${stem}-${number}${ending}`;
    taken.add(name);
    return name === file.name ? file : new File([file], name, { type: file.type });
  });
}

/** The text without a picture's mark, and without the empty line that it leaves. */
export function without(text: string, file: File): string {
  return text.replace(mark(file), "").replace(/\n{3,}/g, "\n\n");
}
