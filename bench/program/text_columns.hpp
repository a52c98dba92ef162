#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace polysem::program {

/// Columns of the terminal that standard output goes to; else those of the variable COLUMNS, else 80.
std::size_t terminal_columns();
/// Whether standard output is a terminal that shows colours: NO_COLOR is obeyed.
bool shows_colour();

/// Text that a terminal can be given: control characters but newline are blanks, bytes that are no UTF-8 are
/// shown as <0xNN>.
std::string printable(std::string_view bytes);
/// The same in one line: newlines are blanks, too.
std::string one_line(std::string_view bytes);

/// Characters (code points) of UTF-8.
std::size_t width_of(std::string_view text);
/// The first or last `width` characters.
std::string_view left_part(std::string_view text, std::size_t width);
std::string_view right_part(std::string_view text, std::size_t width);

/// Two texts beside each other under their titles, wrapped at blanks; one below the other where there is too
/// little room.
std::string side_by_side(const std::string& left_title, const std::string& left,
                         const std::string& right_title, const std::string& right, std::size_t columns);

}  // namespace polysem::program
