// Excel workbooks, made for tests by hand: every cell is written as Excel would, or as it never should be.
import { strToU8, zipSync } from "fflate";

/** A cell as it stands in a sheet: text, a number's digits, a date's serial number, a truth, an error. */
export type Cell =
  | null
  | string
  | { readonly number: string }
  | { readonly serial: number; readonly time?: boolean }
  | { readonly truth: boolean }
  | { readonly error: string };

const styles = `<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>
<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>
</styleSheet>`;

/** The bytes of a workbook with these sheets, each a list of rows. */
export function workbook(sheets: Readonly<Record<string, readonly (readonly Cell[])[]>>): Buffer {
  const names = Object.keys(sheets);
  const relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  const packaged = "http://schemas.openxmlformats.org/package/2006/relationships";
  const files: Record<string, string> = {
    "[Content_Types].xml": `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
    "_rels/.rels": `<?xml version="1.0"?><Relationships xmlns="${packaged}"><Relationship Id="r1" Type="${relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `<?xml version="1.0"?><workbook xmlns="${main}" xmlns:r="${relation}"><sheets>${names
      .map((name, position) => `<sheet name="${escape(name)}" sheetId="${position + 1}" r:id="s${position + 1}"/>`)
      .join("")}</sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `<?xml version="1.0"?><Relationships xmlns="${packaged}">${names
      .map(
        (_, position) =>
          `<Relationship Id="s${position + 1}" Type="${relation}/worksheet" Target="worksheets/sheet${position + 1}.xml"/>`,
      )
      .join("")}<Relationship Id="st" Type="${relation}/styles" Target="styles.xml"/></Relationships>`,
    "xl/styles.xml": styles,
  };
  names.forEach((name, position) => {
    const rows = sheets[name]!.map(
      (cells, row) =>
        `<row r="${row + 1}">${cells.map((cell, column) => cellXml(cell, `${letters(column)}${row + 1}`)).join("")}</row>`,
    );
    files[`xl/worksheets/sheet${position + 1}.xml`] =
      `<?xml version="1.0"?><worksheet xmlns="${main}"><sheetData>${rows.join("")}</sheetData></worksheet>`;
  });
  return Buffer.from(zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)]))));
}

function cellXml(cell: Cell, at: string): string {
  if (cell === null) return "";
  if (typeof cell === "string")
    return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escape(cell)}</t></is></c>`;
  if ("number" in cell) return `<c r="${at}"><v>${cell.number}</v></c>`;
  if ("serial" in cell) return `<c r="${at}" s="${cell.time === true ? 2 : 1}"><v>${cell.serial}</v></c>`;
  if ("truth" in cell) return `<c r="${at}" t="b"><v>${cell.truth ? 1 : 0}</v></c>`;
  return `<c r="${at}" t="e"><v>${cell.error}</v></c>`;
}

function letters(column: number): string {
  return (column >= 26 ? letters(Math.floor(column / 26) - 1) : "") + String.fromCharCode(65 + (column % 26));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
