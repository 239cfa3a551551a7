package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Environment sets the keys that variables name, over what c has: [listen] smtp is
// GLASSMAIL_LISTEN_SMTP. Lists are written with commas, and an empty one as nothing.
// Other variables are not looked at. variables are as os.Environ returns them.
func Environment(c *Config, variables []string) error {
	set := map[string]string{}
	for _, v := range variables {
		if name, value, ok := strings.Cut(v, "="); ok {
			set[name] = value
		}
	}
	return fromEnvironment(reflect.ValueOf(c).Elem(), "", set)
}

// Variable is the name of the environment variable of a key.
func Variable(key string) string {
	return "GLASSMAIL_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// fromEnvironment sets the keys of a section; prefix is its name and a dot.
func fromEnvironment(v reflect.Value, prefix string, set map[string]string) error {
	for i := range v.NumField() {
		field, key := v.Field(i), prefix+v.Type().Field(i).Tag.Get("toml")
		if field.Kind() == reflect.Struct {
			if err := fromEnvironment(field, key+".", set); err != nil {
				return err
			}
			continue
		}
		name := Variable(key)
		if text, ok := set[name]; ok {
			if err := setText(field, text); err != nil {
				return fmt.Errorf("the environment variable %s = %q: %w", name, text, err)
			}
		}
	}
	return nil
}

// setText sets a key from its text.
func setText(v reflect.Value, text string) error {
	if own, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return own.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("write true or false")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("write a whole number")
		}
		v.SetInt(n)
	case reflect.Slice:
		return setList(v, text)
	default:
		return fmt.Errorf("it cannot be set by the environment")
	}
	return nil
}

func setList(v reflect.Value, text string) error {
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		one := reflect.New(v.Type().Elem()).Elem()
		if err := setText(one, part); err != nil {
			return err
		}
		list = reflect.Append(list, one)
	}
	v.Set(list)
	return nil
}
